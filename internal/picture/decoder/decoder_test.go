package decoder

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/internal/picture/picturetest"
	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

// asDecoder makes the test binary a decoder that is as frail as native code: pictures of the camera "killer" end it
// with a signal, the first of the camera "shy" does; those of "waits" get no processor for long. "broken" ends it before it begins.
const asDecoder = "NEARFAR_TEST_DECODER"

func TestMain(m *testing.M) {
	switch os.Getenv(asDecoder) {
	case "":
		goleak.VerifyTestMain(m)
	case "broken":
		fmt.Fprintln(os.Stderr, "libopencv_core.so: cannot open shared object file")
		os.Exit(127)
	}
	n := 0
	err := Serve(os.Stdin, os.Stdout, func(e frame.Encoded, size int) (*frame.Frame, error) {
		n++
		if e.Camera == "killer" || e.Camera == "shy" && n > 1 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGSEGV)
			select {}
		}
		if e.Camera == "waits" {
			time.Sleep(5 * tooLong)
		}
		return picture.Decode(e, size)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func pool(t testing.TB, n int, how string) *Pool {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := New(n, []string{self}, []string{asDecoder + "=" + how})
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestDecodingApartIsDecoding(t *testing.T) {
	p, s := pool(t, 2, "whole"), seed.New(3).At("apart")
	var all sync.WaitGroup
	for lane := range 2 {
		all.Go(func() {
			for i := range 100 {
				e := picturetest.Good(s, 100*lane+i)
				if i%3 == 0 {
					_, m := picturetest.Corrupt(s, i)
					e.Data, e.Checked = m.Value, i%2 == 0
				}
				for _, size := range []int{16, 0} {
					want, wantErr := picture.Decode(e, size)
					got, err := p.Decode(e, size)
					switch {
					case wantErr != nil:
						if err == nil || err.Error() != wantErr.Error() || errors.Is(err, frame.ErrCorrupt) != errors.Is(wantErr, frame.ErrCorrupt) ||
							errors.Is(err, frame.ErrNotPicture) != errors.Is(wantErr, frame.ErrNotPicture) {
							t.Errorf("picture %d: %v, want %v", i, err, wantErr)
						}
					case err != nil || got.Meta != want.Meta || got.Width != want.Width || got.Height != want.Height || !bytes.Equal(got.Pix, want.Pix):
						t.Errorf("picture %d is another one apart: %v", i, err)
					}
				}
			}
		})
	}
	all.Wait()
}

func TestFaultAPictureThatKillsItsDecoderCostsOnlyItself(t *testing.T) {
	p, s := pool(t, 1, "whole"), seed.New(4).At("apart")
	for i := range 12 {
		e := picturetest.Good(s, i)
		if i%4 == 3 {
			e.Camera = "killer"
		}
		f, err := p.Decode(e, 16)
		switch {
		case i%4 == 3:
			if !errors.Is(err, ErrCrashed) || !strings.Contains(err.Error(), "SIGSEGV") {
				t.Errorf("picture %d, which kills: %v", i, err)
			}
		case err != nil || f.Width != 16:
			t.Errorf("picture %d, behind one that kills: %v", i, err)
		}
	}
}

func TestFaultADecoderThatDiesOfSomethingElseIsNoFaultOfThePicture(t *testing.T) {
	p, s := pool(t, 1, "whole"), seed.New(5).At("apart")
	for i := range 6 { // each but the first finds a decoder that will not live
		e := picturetest.Good(s, i)
		e.Camera = "shy"
		if _, err := p.Decode(e, 16); err != nil {
			t.Errorf("picture %d: %v", i, err)
		}
	}
}

func TestFaultADecoderThatCannotBeStartedIsNamed(t *testing.T) {
	for _, p := range []*Pool{pool(t, 1, "broken"), New(1, []string{"/nowhere/nearfar"}, nil)} {
		_, err := p.Decode(picturetest.Good(seed.New(6), 1), 16)
		if !errors.Is(err, ErrNoDecoder) || errors.Is(err, ErrCrashed) || !strings.Contains(err.Error(), "libopencv_core.so") && !strings.Contains(err.Error(), "/nowhere/nearfar") {
			t.Errorf("got %v", err)
		}
	}
}

// policies are how the kernel schedules the threads of the pool's only decoder.
func policies(t *testing.T, p *Pool) (pid int, threads []string) {
	t.Helper()
	c := <-p.slots
	defer func() { p.slots <- c }()
	pid = c.cmd.Process.Pid
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("%v, %v", tasks, err)
	}
	for _, task := range tasks {
		stat, err := os.ReadFile(task)
		if err != nil {
			t.Fatal(err)
		}
		_, fields, _ := strings.Cut(string(stat), ") ") // the name may hold spaces; the third field follows
		threads = append(threads, strings.Fields(fields)[41-3])
	}
	return pid, slices.Compact(threads)
}

const ordinary, idle = "0", "5" // SCHED_OTHER and SCHED_IDLE

func TestMeekDecodersComputeLast(t *testing.T) {
	s := seed.New(7).At("meek")
	for _, meek := range []bool{false, true} {
		p, want := pool(t, 1, "whole"), ordinary
		if p.Meek = meek; meek {
			want = idle
		}
		if f, err := p.Decode(picturetest.Good(s, 1), 16); err != nil || f.Width != 16 {
			t.Fatal(err)
		}
		if _, got := policies(t, p); !slices.Equal(got, []string{want}) {
			t.Errorf("meek %v: its threads are scheduled by %v, want %s", meek, got, want)
		}
	}
}

// waiting is a meek decoder, and a picture that it waits for the processor with.
func waiting(t *testing.T) (*Pool, frame.Encoded) {
	p, e := pool(t, 1, "whole"), picturetest.Good(seed.New(8).At("meek"), 1)
	p.Meek, e.Camera = true, "waits"
	return p, e
}

func TestDecodersThatGetNothingByMeeknessBecomeOrdinary(t *testing.T) {
	p, e := waiting(t)
	for range enough {
		if _, err := p.Decode(e, 16); err != nil {
			t.Fatal(err)
		}
	}
	meek, got := policies(t, p)
	if !slices.Equal(got, []string{idle}) {
		t.Errorf("%v before anybody could know", got)
	}
	for range 2 {
		if f, err := p.Decode(e, 16); err != nil || f.Camera != "waits" {
			t.Fatal(err)
		}
		if pid, got := policies(t, p); pid == meek || !slices.Equal(got, []string{ordinary}) {
			t.Errorf("process %d after %d, scheduled by %v", pid, meek, got)
		}
	}
}

// What a picture waits while this process itself computes is no hunger.
func TestOwnComputationDoesNotEndMeekness(t *testing.T) {
	p, e := waiting(t)
	for range enough + 1 {
		over := p.Computes()
		if _, err := p.Decode(e, 16); err != nil {
			t.Fatal(err)
		}
		over()
		time.Sleep(10 * time.Millisecond) // between two steps nothing is added
	}
	if _, got := policies(t, p); !slices.Equal(got, []string{idle}) {
		t.Errorf("scheduled by %v", got)
	}
	if sum := p.own.total(); sum < (enough+1)*5*tooLong {
		t.Errorf("%v of computation", sum)
	}
}

func TestOnlyPicturesInARowEndMeekness(t *testing.T) {
	var p Pool
	slow := func() { p.judge(tooLong+tooOften*time.Millisecond+2*time.Millisecond, time.Millisecond) }
	for range 3 {
		for range enough - 1 {
			slow()
		}
		p.judge(tooLong, time.Millisecond)
		p.judge(20*time.Second, 2*time.Second) // a large picture beside others
	}
	if n := p.starved.Load(); n != 0 {
		t.Errorf("%d in a row", n)
	}
	for range enough {
		slow()
	}
	p.judge(0, 0)
	if p.starved.Load() < enough {
		t.Error("what others decoded meanwhile has brought it back")
	}
}

// BenchmarkDecode is what it costs to have pictures decoded apart.
func BenchmarkDecode(b *testing.B) {
	img := &frame.Frame{Width: 480, Height: 360, Pix: make([]byte, 3*480*360)}
	for i := range img.Pix {
		img.Pix[i] = byte(i/7) ^ byte(i/1440)
	}
	data, err := picture.JPEG(img, 90)
	if err != nil {
		b.Fatal(err)
	}
	e := frame.Encoded{Data: data, Checked: true, ContentType: "image/jpeg"}
	for name, decode := range map[string]Decode{"here": picture.Decode, "apart": pool(b, 1, "whole").Decode} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			if _, err := decode(e, 64); err != nil { // which starts a process
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := decode(e, 64); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
