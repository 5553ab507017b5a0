package kernel

/*
#cgo CFLAGS: -O3 -fopenmp -Wall -Wno-psabi
#cgo LDFLAGS: -ldnnl -lgomp -lm
#include "kernel.h"
*/
import "C"

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// threads is how many OpenMP threads each operation uses; 0 stands for one a CPU.
var threads atomic.Int32

var ready sync.Once

// SetThreads sets how many threads each operation uses; n ≤ 0 means one a CPU. Results are the same
// bit for bit only for the same number, and a convolution keeps the number it was built with for its plan:
// set it before building graphs.
func SetThreads(n int) { threads.Store(int32(max(n, 0))) }

// Threads is how many threads each operation uses.
func Threads() int {
	if n := int(threads.Load()); n > 0 {
		return n
	}
	return runtime.NumCPU()
}

// nt is Threads for the C side, which it readies on the first call.
func nt() C.int {
	ready.Do(func() { C.nf_threads_start() })
	return C.int(Threads())
}

// Version is oneDNN's, as "2.6.3".
func Version() string {
	var v [3]C.int
	C.nf_version(&v[0])
	return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2])
}

// CPUISA names the instruction set that oneDNN found on this machine.
func CPUISA() string { return C.GoString(C.nf_isa()) }

// ptr is where a slice's numbers lie, nil for none.
func ptr(x []float32) *C.float { return (*C.float)(unsafe.Pointer(unsafe.SliceData(x))) }

func ptr32(x []int32) *C.int32_t { return (*C.int32_t)(unsafe.Pointer(unsafe.SliceData(x))) }

func ptr16(x []uint16) *C.uint16_t { return (*C.uint16_t)(unsafe.Pointer(unsafe.SliceData(x))) }

func ptr8(x []uint8) *C.uint8_t { return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(x))) }

func boolean(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// failed turns a status of oneDNN into an error.
func failed(status C.int, doing string) error {
	if status == 0 {
		return nil
	}
	reasons := map[C.int]string{1: "out of memory", 2: "invalid arguments", 3: "no implementation for this shape on this CPU", 5: "runtime error"}
	if r, ok := reasons[status]; ok {
		return fmt.Errorf("%s: oneDNN %s says %s", doing, Version(), r)
	}
	return fmt.Errorf("%s: oneDNN %s says status %d", doing, Version(), status)
}
