// Package rtsptest is a camera for tests that speaks RTSP and can be made to misbehave.
package rtsptest

import (
	"encoding/base64"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
)

// fps is how many frames it sends a second.
const fps = 50

// Options of a Camera; the zero value lets everybody in and sends motion JPEG.
type Options struct {
	User, Password string   // who is let in; empty: everybody
	VP8            [][]byte // frames to send over and over, the first a key frame; nil: motion JPEG
}

// Camera films until it is closed.
type Camera struct {
	Shows  atomic.Int32 // one of Moving, Halted, …
	Locked atomic.Bool  // answers 401, whoever asks
	Mute   atomic.Bool  // answers nothing, ever, to who asks now

	server  *gortsplib.Server
	stream  *gortsplib.ServerStream
	want    string // Authorization header; "" lets everybody in
	ready   sync.RWMutex
	refused atomic.Int64
	sent    atomic.Int64
	over    chan struct{}
	sender  sync.WaitGroup
	end     sync.Once
}

// Start films at address until the end of the test, if not closed before.
func Start(t testing.TB, address string, o Options) *Camera {
	t.Helper()
	c := &Camera{over: make(chan struct{})}
	if o.User != "" {
		c.want = "Basic " + base64.StdEncoding.EncodeToString([]byte(o.User+":"+o.Password))
	}
	c.ready.Lock() // nobody gets in before the stream is there
	c.server = &gortsplib.Server{Handler: c, RTSPAddress: address}
	if err := c.server.Start(); err != nil {
		t.Fatal(err)
	}
	form, packets := film(t, o.VP8)
	media := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{form}}
	c.stream = &gortsplib.ServerStream{Server: c.server, Desc: &description.Session{Medias: []*description.Media{media}}}
	if err := c.stream.Initialize(); err != nil {
		t.Fatal(err)
	}
	c.ready.Unlock()
	c.sender.Go(func() {
		tick := time.NewTicker(time.Second / fps)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-c.over:
				return
			case <-tick.C:
			}
			all, err := packets(i, c.Shows.Load())
			if err != nil {
				t.Error(err)
				return
			}
			for _, p := range all {
				p.Timestamp = uint32(i * 90000 / fps)
				if c.stream.WritePacketRTP(media, p) != nil {
					return // closed
				}
			}
			c.sent.Add(1)
		}
	})
	t.Cleanup(c.Close)
	return c
}

// Close ends the camera and every connection to it.
func (c *Camera) Close() {
	c.end.Do(func() {
		close(c.over)
		c.sender.Wait()
		c.stream.Close()
		c.server.Close()
	})
}

// Refused is how many times somebody was not let in.
func (c *Camera) Refused() int64 { return c.refused.Load() }

// Sent is how many frames it has made.
func (c *Camera) Sent() int64 { return c.sent.Load() }

// OnDescribe implements gortsplib's handler.
func (c *Camera) OnDescribe(ctx *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	answer := c.answer(ctx.Request)
	c.ready.RLock()
	defer c.ready.RUnlock()
	if answer.StatusCode != base.StatusOK {
		return answer, nil, nil
	}
	return answer, c.stream, nil
}

// OnSetup implements gortsplib's handler.
func (c *Camera) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	c.ready.RLock()
	defer c.ready.RUnlock()
	return c.answer(ctx.Request), c.stream, nil
}

// OnPlay implements gortsplib's handler.
func (c *Camera) OnPlay(ctx *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return c.answer(ctx.Request), nil
}

// answer says who may come in.
func (c *Camera) answer(r *base.Request) *base.Response {
	if c.Mute.Load() {
		<-c.over
	}
	if h := r.Header["Authorization"]; c.Locked.Load() || c.want != "" && (len(h) != 1 || h[0] != c.want) {
		c.refused.Add(1)
		return &base.Response{StatusCode: base.StatusUnauthorized, Header: base.Header{"WWW-Authenticate": base.HeaderValue{`Basic realm="camera"`}}}
	}
	return &base.Response{StatusCode: base.StatusOK}
}
