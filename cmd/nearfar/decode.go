package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/internal/picture/decoder"
	"github.com/nearfar/nearfar/model/kernel"
)

func newDecodeCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "decode", Short: "Decode pictures for another process (started by run, train and embed)", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return decoder.Serve(a.in, a.out, picture.Decode) },
	}
}

// noCoreLeft says that the threads of a step leave no core to decoding.
func noCoreLeft() bool { return kernel.Threads() >= runtime.NumCPU() }

// decoding is how frames are decoded beside learning.
type decoding struct {
	decode   decoder.Decode       // nil: in this process
	computes func() (over func()) // to be told when learning computes; nil: nobody wants to know
	atOnce   int
	stop     func() error
}

// besideLearning decodes on the cores that learning leaves. Where there are none, meek processes, one more than there are
// cores, take what is left of them whenever a step's threads wait for each other; within this process nobody can be meek.
func besideLearning(processes bool) (decoding, error) {
	d := decoding{atOnce: runtime.NumCPU() - kernel.Threads()}
	switch {
	case noCoreLeft() && processes:
		d.atOnce = runtime.NumCPU() + 1
	case noCoreLeft():
		d.atOnce = 1
	}
	pool, stop, err := decoders(processes, d.atOnce)
	if pool != nil {
		pool.Meek = noCoreLeft()
		d.decode, d.computes = pool.Decode, pool.Computes
	}
	d.stop = stop
	return d, err
}

// decoders are n processes that decode, or none: nil. The function ends them.
func decoders(processes bool, n int) (*decoder.Pool, func() error, error) {
	if !processes {
		return nil, func() error { return nil }, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("finding the program for the decoder processes: %w", err)
	}
	pool := decoder.New(n, []string{self, "decode"}, nil)
	return pool, pool.Close, nil
}
