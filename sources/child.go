package sources

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// ward is a child under supervision, through all its lives.
type ward struct {
	Child
	opt    Options
	report func(Beat)

	mu     sync.Mutex
	before Beat // the lives that are over
	now    Beat // the latest beat of this one
	began  bool // this life has sent a beat
	opened bool // some life has
	paused bool
	stdin  io.Writer // of the process that runs, nil between lives
}

// ending is how a life ended.
type ending struct {
	done     bool // nothing is left to do
	fatal    bool // trying again will not cure it
	progress bool // Kafka got frames from it
	exit     int
	reason   string
}

// total is the camera's beat over all lives.
func (w *ward) total() Beat {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.began {
		b := w.before
		b.Dropped, b.Counts = maps.Clone(b.Dropped), maps.Clone(b.Counts)
		return b
	}
	return w.before.plus(w.now)
}

func (w *ward) pause(paused bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused = paused
	if w.stdin == nil {
		return
	}
	command := commandResume
	if paused {
		command = commandPause
	}
	w.say(command)
}

// say writes a command. A process that is gone does not listen, which its ending tells. The lock is held.
func (w *ward) say(command string) {
	if _, err := io.WriteString(w.stdin, command+"\n"); err != nil {
		w.opt.Log.Debug("the capture process does not listen", "command", command, "err", err)
	}
}

// settle closes the books of a life that ended before its time. What a live camera had captured and Kafka
// had not acknowledged is lost; a finite source will give it again.
func (w *ward) settle(reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.began {
		w.before.Err = reason
		return
	}
	b := w.now
	b.Dropped = maps.Clone(b.Dropped)
	if !w.Live {
		delete(b.Dropped, DroppedStopped)
		b.Captured = b.Acked + b.Lost()
	} else if lost := b.Captured - min(b.Captured, b.Acked+b.Lost()); lost > 0 {
		if b.Dropped == nil {
			b.Dropped = map[string]uint64{}
		}
		b.Dropped[DroppedDied] += lost
	}
	w.before = w.before.plus(b)
	w.before.Ended = false
	w.before.Err = reason
	w.now, w.began = Beat{}, false
}

// take notes a beat. The first one of a later life of a finite source says where Kafka really stood when the
// life before it died, which that one's last beat may not have known.
func (w *ward) take(b Beat) {
	w.mu.Lock()
	b.Camera = w.Camera
	if !w.opened {
		w.opened, w.before.From = true, b.From
	} else if !w.began && !w.Live {
		if sent := w.before.Acked + w.before.Lost(); b.From > w.before.From+sent {
			more := b.From - w.before.From - sent
			w.before.Acked += more
			w.before.Captured += more
		}
	}
	w.now, w.began = b, true
	total := w.before.plus(b)
	w.mu.Unlock()
	w.report(total)
}

// live runs the process once.
func (w *ward) live(ctx context.Context) ending {
	failed := func(doing string, err error) ending {
		return ending{exit: -1, reason: fmt.Sprintf("%s the capture process: %v", doing, err)}
	}
	cmd := exec.Command(w.Command[0], w.Command[1:]...)
	cmd.Env = append(os.Environ(), w.Env...)
	cmd.SysProcAttr = attributes()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return failed("preparing", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return failed("preparing", err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return failed("preparing", err)
	}
	if err := cmd.Start(); err != nil {
		return failed("starting", err)
	}
	w.mu.Lock()
	w.stdin = stdin
	w.say(w.Job)
	if w.paused {
		w.say(commandPause)
	}
	w.mu.Unlock()

	beats := make(chan Beat)
	words := tail{keep: 4}
	var readers sync.WaitGroup
	readers.Go(func() { defer close(beats); w.readBeats(stdout, beats) })
	readers.Go(func() { words.read(stderr, func(line string) { w.opt.Log.Debug(line, "from", "capture process") }) })
	why := w.attend(ctx, cmd.Process.Pid, beats)
	kill(cmd.Process.Pid) // it is exiting; what it may have started and left goes with it
	readers.Wait()
	err = cmd.Wait()

	w.mu.Lock()
	w.stdin = nil
	last, began := w.now, w.began
	w.mu.Unlock()
	end := ending{exit: cmd.ProcessState.ExitCode(), progress: began && last.Acked > 0}
	switch {
	case began && last.Ended && err == nil:
		end.done = true
	case why != "":
		end.reason = why
	case began && last.Err != "":
		end.reason, end.fatal = last.Err, last.Fatal
	case err != nil:
		end.reason = fmt.Sprintf("the capture process ended with %v", err)
		if said := words.String(); said != "" {
			end.reason += ", saying: " + Redact(said)
		}
	case ctx.Err() != nil: // as it was asked to
	default:
		end.reason = "the capture process ended without having been asked to"
	}
	return end
}

// attend takes beats until the process has closed its stdout. It stops the process when ctx is cancelled and
// kills one that is stale, and then says why.
func (w *ward) attend(ctx context.Context, pid int, beats <-chan Beat) (why string) {
	var grace <-chan time.Time
	stopping := ctx.Done()
	beat, frame := time.Now(), time.Now() // when the last of each came
	var captured, reconnects uint64
	check := time.NewTicker(max(w.opt.Stale/10, time.Millisecond))
	defer check.Stop()
	for {
		select {
		case b, ok := <-beats:
			if !ok {
				return why
			}
			beat = time.Now()
			if b.Captured != captured || b.Reconnects != reconnects || b.Paused {
				frame, captured, reconnects = beat, b.Captured, b.Reconnects
			}
			w.take(b)
		case <-stopping:
			stopping = nil
			w.mu.Lock()
			w.say(commandStop)
			w.mu.Unlock()
			timer := time.NewTimer(w.opt.Grace)
			defer timer.Stop()
			grace = timer.C
		case <-grace:
			why = fmt.Sprintf("the capture process did not stop within %v", w.opt.Grace)
			kill(pid)
		case <-check.C:
			switch {
			case grace != nil || why != "":
			case time.Since(beat) > w.opt.Stale:
				why = fmt.Sprintf("the capture process said nothing for %v", w.opt.Stale)
				kill(pid)
			case w.Live && time.Since(frame) > w.opt.Stale:
				why = fmt.Sprintf("no frame for %v", w.opt.Stale)
				kill(pid)
			}
		}
	}
}

// readBeats reads one Beat per line until the process closes its stdout.
func (w *ward) readBeats(r io.Reader, beats chan<- Beat) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var b Beat
		if err := json.Unmarshal(lines.Bytes(), &b); err != nil {
			w.opt.Log.Debug("the capture process wrote something that is no beat", "line", Redact(lines.Text()))
			continue
		}
		beats <- b
	}
	_, _ = io.Copy(io.Discard, r) // after an endless line: let the process go on until it is stale
}

// tail keeps the last lines of what a process says on stderr, before any stack trace.
type tail struct {
	keep   int
	lines  []string
	traced bool
}

func (t *tail) read(r io.Reader, each func(string)) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := Redact(lines.Text())
		each(line)
		t.traced = t.traced || strings.HasPrefix(line, "goroutine ")
		if t.traced || strings.TrimSpace(line) == "" {
			continue
		}
		if t.lines = append(t.lines, line); len(t.lines) > t.keep {
			t.lines = t.lines[1:]
		}
	}
	_, _ = io.Copy(io.Discard, r)
}

func (t *tail) String() string { return strings.Join(t.lines, " | ") }
