package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// plugWebcam has the processes that start from here on find a V4L2 camera where the file at path is: removing the file
// unplugs it.
func plugWebcam(t *testing.T, path string) {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("SKIPPED: no C compiler (cc) to build the test's camera with")
	}
	library := filepath.Join(t.TempDir(), "webcam.so")
	if out, err := exec.Command(cc, "-shared", "-fPIC", "-Wall", "-o", library, filepath.Join("testdata", "webcam.c"), "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("building the test's camera: %v\n%s", err, out)
	}
	t.Setenv("LD_PRELOAD", library)
	t.Setenv("WEBCAM", path)
	plug(t, path)
}

func plug(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A camera of the machine is unplugged while it films, and plugged in again: it is seen again by itself, and another
// camera loses no frame by it.
func TestFaultAnUnpluggedCameraComesBack(t *testing.T) {
	rounds := faults(t, "NEARFAR_UNPLUGS", 2, 12)
	dir, brokers := t.TempDir(), startBroker(t)
	path := filepath.Join(dir, "video7")
	plugWebcam(t, path)
	file := filepath.Join(dir, "cameras.yaml")
	if err := os.WriteFile(file, []byte("sources:\n- {name: webcam, kind: device, from: "+path+"}\n- {name: steady, from: synth, cameras: 1, fps: 10, size: 32x24}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, out := program(t, "ingest", "-c", file, "--brokers", brokers, "--json")
	of := func(camera string) []uint64 { return numbersOf(t, brokers, camera) }
	eventually(t, "frames of both cameras", func() bool { return len(of("webcam")) > 3 && len(of("steady-0")) > 0 })
	var back []time.Duration
	for range rounds {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond) // what was on its way has come
		before := len(of("webcam"))
		time.Sleep(500 * time.Millisecond)
		if n := len(of("webcam")); n != before {
			t.Errorf("%d frames came from a camera that is not there", n-before)
		}
		plug(t, path)
		since := time.Now()
		eventually(t, "frame of the camera that is back", func() bool { return len(of("webcam")) > before })
		back = append(back, time.Since(since))
	}
	terminating(t, cmd)
	lines := ledgerLines(t, out)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the capture ended with %v", err)
	}
	slices.Sort(back)
	t.Logf("unplugged %d times: back after %v, at most %v", rounds, back[len(back)/2].Round(time.Millisecond), back[len(back)-1].Round(time.Millisecond))
	if b := lines["webcam"]; b.Reconnects < uint64(rounds) || b.Captured != b.Acked || b.Acked != uint64(len(of("webcam"))) {
		t.Errorf("the camera: %+v, %d frames in Kafka", b, len(of("webcam")))
	}
	steady := of("steady-0")
	slices.Sort(steady)
	for i, seq := range steady {
		if seq != uint64(i) {
			t.Fatalf("frame %d of the other camera is missing, or there twice", i)
		}
	}
	if b := lines["steady-0"]; b.Reconnects != 0 || b.Lost() != 0 || b.Acked != uint64(len(steady)) {
		t.Errorf("the other camera: %+v, %d frames in Kafka", b, len(steady))
	}
}
