package decoder

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

// patience is how long a picture may take before its decoder counts as hung, and beginning before a decoder does.
const patience = 30 * time.Second

// Pool is a number of decoder processes. Its Decode is safe for as many goroutines.
type Pool struct {
	// Meek decoders compute when nobody else wants the processor: whoever shares their cores hardly notices them. Where
	// others leave them nothing they are given up for ordinary ones. It is set before the first picture.
	Meek bool

	command, env []string
	slots        chan *process // nil: to be started when it is needed
	starved      atomic.Int32  // pictures in a row
	own          stopwatch     // what Computes was told
}

// enough pictures in a row that had to wait for the processor, on others than this process, for tooLong and for tooOften times
// as long as they needed it say that meekness leads nowhere here.
const enough, tooLong, tooOften = 3, 100 * time.Millisecond, 10

// New is a pool of n decoders; command is the argv of a process that calls Serve, env is added to this one's.
func New(n int, command, env []string) *Pool {
	p := &Pool{command: command, env: env, slots: make(chan *process, n)}
	for range n {
		p.slots <- nil
	}
	return p
}

// Decode does what picture.Decode does. A picture whose decoder dies gets another one; if that dies, too, the error
// wraps ErrCrashed. ErrNoDecoder is no picture's fault.
func (p *Pool) Decode(e frame.Encoded, size int) (*frame.Frame, error) {
	c := <-p.slots
	defer func() { p.slots <- c }()
	var died error
	for range 2 {
		meek := p.Meek && p.starved.Load() < enough
		if c != nil && c.meek && !meek { // it cannot take its place back
			_ = c.end()
			c = nil
		}
		if c == nil {
			var err error
			if c, err = p.start(); err != nil {
				return nil, err
			}
		}
		began, own := time.Now(), p.own.total()
		a, err := c.ask(request{e.Camera, e.Seq, e.ContentType, e.Data, e.Checked, size, meek})
		if err == nil {
			if c.meek = meek; meek {
				p.judge(time.Since(began)-(p.own.total()-own), a.Busy)
			}
			if a.Err != "" {
				return nil, told{a.Err, a.Kind}
			}
			return &frame.Frame{Meta: e.Meta, Width: a.Width, Height: a.Height, Pix: a.Pix}, nil
		}
		died = errors.Join(err, c.end())
		c = nil
	}
	return nil, fmt.Errorf("decoding %s frame %d: %w (%w)", e.Camera, e.Seq, ErrCrashed, died)
}

// Computes tells the pool that this process itself takes all cores until it is over: that meek decoders wait meanwhile is what
// they are meek for.
func (p *Pool) Computes() (over func()) { return p.own.start() }

// judge takes how long a meek decoder had a picture, but for the time in which this process computed, and how long it had the
// processor for it.
func (p *Pool) judge(took, busy time.Duration) {
	if took-busy > tooLong+tooOften*busy {
		p.starved.Add(1)
		return
	}
	if n := p.starved.Load(); n < enough {
		p.starved.CompareAndSwap(n, 0)
	}
}

// Close ends the decoders. Nobody may be decoding.
func (p *Pool) Close() error {
	var errs []error
	for range cap(p.slots) {
		if c := <-p.slots; c != nil {
			errs = append(errs, c.stop())
		}
	}
	return errors.Join(errs...)
}

// process is one decoder.
type process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	to   *gob.Encoder
	from *gob.Decoder
	said words // on its standard error
	meek bool
}

// words are the first that a process says: what killed it, before the traces.
type words struct{ text []byte }

func (w *words) Write(p []byte) (int, error) {
	w.text = append(w.text, p[:min(len(p), 400-len(w.text))]...)
	return len(p), nil
}

func (p *Pool) start() (*process, error) {
	c := &process{cmd: exec.Command(p.command[0], p.command[1:]...)}
	c.cmd.Env = append(os.Environ(), p.env...)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches the parent alone; its end closes our stdin
	c.cmd.Stderr = &c.said
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDecoder, err)
	}
	out, err := c.cmd.StdoutPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDecoder, err)
	}
	c.in, c.to, c.from = in, gob.NewEncoder(in), gob.NewDecoder(out)
	var hello answer
	if err := c.within(func() error { return c.from.Decode(&hello) }); err != nil {
		err = errors.Join(err, c.end())
		return nil, fmt.Errorf("%w: %w", ErrNoDecoder, err)
	}
	return c, nil
}

// ask has one picture decoded.
func (c *process) ask(r request) (a answer, err error) {
	err = c.within(func() error {
		if err := c.to.Encode(r); err != nil {
			return err
		}
		if err := c.from.Decode(&a); err != nil {
			return err
		}
		return a.check()
	})
	return a, err
}

// within kills the process if it takes too long.
func (c *process) within(do func() error) error {
	hung := time.AfterFunc(patience, func() { _ = c.cmd.Process.Kill() })
	defer hung.Stop()
	return do()
}

// end makes an end of a decoder that does not answer and says how it died.
func (c *process) end() error {
	_ = c.in.Close()
	_ = c.cmd.Process.Kill() // where it is not dead, it is of no use
	err := c.cmd.Wait()
	if len(c.said.text) > 0 {
		err = fmt.Errorf("%w, saying %q", err, c.said.text)
	}
	return err
}

// stop lets a decoder end by itself.
func (c *process) stop() error {
	if err := c.in.Close(); err != nil {
		return err
	}
	var err error
	_ = c.within(func() error { err = c.cmd.Wait(); return nil })
	return err
}
