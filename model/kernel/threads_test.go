package kernel

import (
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// TestIdleWorkersLeaveTheProcessorToOthers: what the threads of an operation use up after it, when there is nothing to do. By
// itself libgomp has each spin for some 7 ms.
func TestIdleWorkersLeaveTheProcessorToOthers(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("SKIPPED: one processor has no workers beside the caller")
	}
	if os.Getenv("GOMP_SPINCOUNT") != "" || os.Getenv("OMP_WAIT_POLICY") != "" {
		t.Skip("SKIPPED: GOMP_SPINCOUNT or OMP_WAIT_POLICY is set, and has its say")
	}
	before := Threads()
	SetThreads(2)
	defer SetThreads(before)
	runtime.LockOSThread() // to have the same workers every time
	defer runtime.UnlockOSThread()
	const n = 256
	a, b, c := normal(random("a"), n*n), normal(random("b"), n*n), make([]float32, n*n)
	Gemm(c, a, b, n, n, n)
	time.Sleep(50 * time.Millisecond) // until the team that tips the count is there
	var idle []time.Duration
	for range 9 {
		Gemm(c, a, b, n, n, n)
		since := used(t)
		time.Sleep(20 * time.Millisecond)
		idle = append(idle, used(t)-since)
	}
	slices.Sort(idle)
	if median := idle[len(idle)/2]; median > 2*time.Millisecond {
		t.Errorf("with nothing to do the process used up %v of processor time in 20 ms; all of them: %v", median, idle)
	}
}

// used is the processor time of this process so far.
func used(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
