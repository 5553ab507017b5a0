package capture

import (
	"context"
	"errors"
	"fmt"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/internal/rtsptest"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
)

// still is frame i as a JPEG.
func still(t testing.TB, i int) []byte {
	t.Helper()
	f := &frame.Frame{Width: 64, Height: 48, Pix: make([]byte, 3*64*48)}
	for at := range f.Pix {
		if f.Pix[at] = 255; at/3%64 < 32 {
			f.Pix[at] = level(i)
		}
	}
	data, err := picture.JPEG(f, 90)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// watching is a live source that runs until stopped.
type watching struct {
	src    *Source
	frames chan frame.Encoded
	cancel context.CancelFunc
	done   chan error
}

func watch(t *testing.T, from string) *watching {
	t.Helper()
	s, err := New(sources.Config{Name: "door", From: from})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &watching{src: s, frames: make(chan frame.Encoded), cancel: cancel, done: make(chan error, 1)}
	go func() {
		w.done <- s.Run(ctx, 7, func(e frame.Encoded) error {
			select {
			case w.frames <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return w
}

// next are the next n frames.
func (w *watching) next(t *testing.T, n int) (out []frame.Encoded) {
	t.Helper()
	for len(out) < n {
		select {
		case e := <-w.frames:
			out = append(out, e)
		case err := <-w.done:
			t.Fatalf("the source ended: %v", err)
		case <-time.After(60 * time.Second):
			t.Fatalf("no frame within 60 s; health %+v", w.src.Health())
		}
	}
	return out
}

// until waits for something in the source's health, and takes its frames meanwhile.
func (w *watching) until(t *testing.T, ok func(sources.Health) bool) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	for !ok(w.src.Health()) {
		select {
		case <-w.frames:
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			t.Fatalf("it did not come to pass within 60 s; health %+v", w.src.Health())
		}
	}
}

func (w *watching) stop(t *testing.T) {
	t.Helper()
	w.cancel()
	select {
	case err := <-w.done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("stopped with %v", err)
		}
	case <-time.After(60 * time.Second):
		t.Fatal("the source did not stop within 60 s")
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestRTSPCameraComesBackByItself(t *testing.T) {
	addr := freeAddr(t)
	w := watch(t, "rtsp://me:secret@"+addr+"/door")
	w.until(t, func(h sources.Health) bool { return h.Reconnects >= 2 }) // it is not there yet
	if err := w.src.Health().Err; !strings.Contains(err, addr) || strings.Contains(err, "secret") || !strings.Contains(err, "trying again") {
		t.Errorf("health says %q", err)
	}
	var seq uint64 = 7
	var last frame.Meta
	for life := range 2 {
		camera := rtsptest.Start(t, addr, rtsptest.Options{})
		for _, e := range w.next(t, 10) {
			if e.Seq != seq || e.Camera != "door" || e.ContentType != "image/jpeg" || e.Captured.Before(last.Captured) || e.PTS < last.PTS {
				t.Errorf("life %d: %+v after %+v", life, e.Meta, last)
			}
			if _, err := picture.Decode(e, 0); err != nil {
				t.Error(err)
			}
			seq, last = seq+1, e.Meta
		}
		if err := w.src.Health().Err; err != "" {
			t.Errorf("health still says %q", err)
		}
		before := w.src.Health().Reconnects
		camera.Close()
		deadline := time.After(60 * time.Second)
		for w.src.Health().Reconnects == before {
			select {
			case e := <-w.frames:
				seq, last = e.Seq+1, e.Meta
			case <-time.After(5 * time.Millisecond):
			case <-deadline:
				t.Fatal("the loss of the camera was not noticed within 60 s")
			}
		}
	}
	w.stop(t)
}

func TestHTTPCameraIsWatched(t *testing.T) {
	over := make(chan struct{})
	handler := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		m := multipart.NewWriter(rw)
		rw.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary="+m.Boundary())
		for i := 0; ; i++ {
			data := still(t, i)
			part, err := m.CreatePart(textproto.MIMEHeader{"Content-Type": {"image/jpeg"}, "Content-Length": {fmt.Sprint(len(data))}})
			if err != nil {
				return
			}
			if _, err := part.Write(data); err != nil {
				return
			}
			rw.(http.Flusher).Flush()
			select {
			case <-over:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	w := watch(t, "http://"+listener.Addr().String()+"/mjpg")
	for i, e := range w.next(t, 8) {
		if e.Seq != uint64(7+i) {
			t.Errorf("frame %d has number %d", i, e.Seq)
		}
	}
	w.stop(t)
	close(over)
	server.Close()
	serving.Wait()
}

func TestMissingDeviceIsTriedAgain(t *testing.T) {
	w := watch(t, "/dev/video931")
	w.until(t, func(h sources.Health) bool { return h.Reconnects >= 2 })
	if err := w.src.Health().Err; !strings.Contains(err, "/dev/video931: no such file") || !strings.Contains(err, "ls /dev/video*") {
		t.Errorf("health says %q", err)
	}
	w.stop(t)
}
