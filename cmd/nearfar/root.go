package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// app is what every command shares: where it reads and writes, and the environment it lives in.
type app struct {
	in       *os.File
	out      io.Writer // data, and nothing else
	err      io.Writer // logs, progress, errors
	environ  []string
	logLevel string // flags --log-level and --log-format, "" where they were not given
	logForm  string
	ran      bool                         // flags and arguments were right, and the command began
	again    func(environ []string) error // called before a command computes: becomePatient; nil: nothing is
}

// execute runs a command line and returns the process's exit code.
func execute(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signals(context.Background())
	defer stop()
	return executeIn(ctx, &app{in: os.Stdin, out: stdout, err: stderr, environ: os.Environ(), again: becomePatient}, args)
}

// executeIn is execute in a world of the caller's making.
func executeIn(ctx context.Context, a *app, args []string) int {
	root := newRootCmd(a)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !a.ran {
		err = usageError{err, cmd.CommandPath()}
	}
	return a.exit(ctx, err)
}

func newRootCmd(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "nearfar",
		Short: "Learn to see from live video, without labels",
		Long: `nearfar learns to see from live video without labels: camera feeds stream through Kafka into a sampler
that pairs frames near in time (or seen by another camera at the same instant) and sets them against
frames far in time; an encoder trains on them online, and its embeddings stream out.

Data goes to standard output, logs to standard error.
Exit codes: 0 done, 1 failed, 2 wrong usage, 69 broker unreachable, 75 cut short (start it again), 78 wrong configuration, 130 and 143 interrupted.`,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			a.ran = true
			if err := a.checkLogFlags(); err != nil || a.again == nil || !isComputing(cmd) {
				return err
			}
			return a.again(a.environ)
		},
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetIn(a.in)
	root.PersistentFlags().StringVar(&a.logLevel, "log-level", "", "debug, info, warn or error (default info)")
	root.PersistentFlags().StringVar(&a.logForm, "log-format", "", "text or json (default text)")
	root.AddCommand(
		computes(newRunCmd(a)), computes(newTrainCmd(a)), computes(newEmbedCmd(a)),
		computes(newEvalCmd(a)), computes(newSearchCmd(a)), computes(newPreviewCmd(a)), computes(newShortcutsCmd(a)),
		computes(newBenchCmd(a)),
		newIngestCmd(a),
		newDLQCmd(a),
		newBrokerCmd(a),
		newConfigCmd(a),
		newVersionCmd(a),
		newCaptureCmd(a),
		newDecodeCmd(a),
	)
	return root
}
