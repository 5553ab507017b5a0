package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/internal/picture/decoder"
)

func newDecodeCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "decode", Short: "Decode pictures for another process (started by run, train and embed)", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return decoder.Serve(a.in, a.out, picture.Decode) },
	}
}

// decodersAtOnce is how many frames are decoded at a time: half of the machine learns.
func decodersAtOnce() int { return max(1, runtime.NumCPU()/2) }

// decoders are what frames are decoded with: processes of their own, or this one (nil). The function ends them.
func decoders(processes bool) (decoder.Decode, func() error, error) {
	if !processes {
		return nil, func() error { return nil }, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("finding the program for the decoder processes: %w", err)
	}
	pool := decoder.New(decodersAtOnce(), []string{self, "decode"}, nil)
	return pool.Decode, pool.Close, nil
}
