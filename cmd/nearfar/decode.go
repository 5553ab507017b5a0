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

// takingTurns says that learning leaves no core to decoding.
func takingTurns() bool { return kernel.Threads() >= runtime.NumCPU() }

// decodersAtOnce is how many frames are decoded at a time beside learning: on the cores that it leaves, or, between
// steps, on all.
func decodersAtOnce() int {
	if takingTurns() {
		return runtime.NumCPU()
	}
	return runtime.NumCPU() - kernel.Threads()
}

// decoders are what frames are decoded with, n at a time: processes of their own, meek ones if need be, or this one (nil).
// The function ends them.
func decoders(processes bool, n int, meek bool) (decoder.Decode, func() error, error) {
	if !processes {
		return nil, func() error { return nil }, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("finding the program for the decoder processes: %w", err)
	}
	pool := decoder.New(n, []string{self, "decode"}, nil)
	pool.Meek = meek
	return pool.Decode, pool.Close, nil
}
