package sources

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nearfar/nearfar/streams/frame"
)

// Commands a capture process takes on stdin, one per line. The end of stdin means stop, so that a process
// whose parent is gone goes, too.
const (
	commandPause  = "pause"
	commandResume = "resume"
	commandStop   = "stop"
)

// ReadJob reads the first line of a capture process's stdin: what Child.Job says it is to do, where it
// cannot be seen in the list of processes. Give the same reader to Serve.
func ReadJob(stdin *bufio.Reader) (string, error) {
	line, err := stdin.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("reading the job from stdin (this command is started by nearfar, not by hand): %w", err)
	}
	return strings.TrimSuffix(line, "\n"), nil
}

// Serve is the life of a capture process after it knows its job: Pump, commands from stdin, beats to stdout.
// It returns nil when the source has ended or was told to stop. The goroutine that reads stdin ends with
// stdin: Serve is the last thing its process does.
func Serve(ctx context.Context, stdin io.Reader, stdout io.Writer, src Source, from uint64, write func(context.Context, []frame.Encoded) error, opt PumpOptions) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var paused atomic.Bool
	opt.Paused = paused.Load
	go func() {
		defer stop()
		for lines := bufio.NewScanner(stdin); lines.Scan(); {
			switch lines.Text() {
			case commandPause:
				paused.Store(true)
			case commandResume:
				paused.Store(false)
			case commandStop:
				return
			}
		}
	}()
	var once sync.Once
	var beatErr error
	opt.Beat = func(b Beat) {
		if err := b.write(stdout); err != nil { // nobody is listening any more
			once.Do(func() { beatErr = err; stop() })
		}
	}
	if err := Pump(ctx, src, from, write, opt); err != nil {
		return err
	}
	return beatErr
}
