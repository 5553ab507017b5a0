package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
)

// fakeCamera is a camera that speaks RTSP, sends motion JPEG, and lets nobody in without name and password.
type fakeCamera struct {
	server  *gortsplib.Server
	stream  *gortsplib.ServerStream
	want    string // Authorization header
	mu      sync.RWMutex
	refused atomic.Int64
	sent    atomic.Int64 // frames
	over    chan struct{}
	sender  sync.WaitGroup
}

// admit answers who may come in.
func (c *fakeCamera) admit(r *base.Request) *base.Response {
	if h := r.Header["Authorization"]; len(h) == 1 && h[0] == c.want {
		return &base.Response{StatusCode: base.StatusOK}
	}
	c.refused.Add(1)
	return &base.Response{StatusCode: base.StatusUnauthorized, Header: base.Header{"WWW-Authenticate": base.HeaderValue{`Basic realm="camera"`}}}
}

func (c *fakeCamera) OnDescribe(ctx *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if answer := c.admit(ctx.Request); answer.StatusCode != base.StatusOK {
		return answer, nil, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

func (c *fakeCamera) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

func (c *fakeCamera) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// startCamera films 25 frames a second at address until the test ends.
func startCamera(t *testing.T, address, user, password string) *fakeCamera {
	t.Helper()
	c := &fakeCamera{over: make(chan struct{}), want: "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}
	c.mu.Lock() // nobody gets in before the stream is there
	c.server = &gortsplib.Server{Handler: c, RTSPAddress: address}
	if err := c.server.Start(); err != nil {
		t.Fatal(err)
	}
	film := &format.MJPEG{}
	media := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{film}}
	c.stream = &gortsplib.ServerStream{Server: c.server, Desc: &description.Session{Medias: []*description.Media{media}}}
	if err := c.stream.Initialize(); err != nil {
		t.Fatal(err)
	}
	c.mu.Unlock()
	encoder, err := film.CreateEncoder()
	if err != nil {
		t.Fatal(err)
	}
	c.sender.Go(func() {
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-c.over:
				return
			case <-tick.C:
			}
			packets, err := encoder.Encode(film25(t, i))
			if err != nil {
				t.Error(err)
				return
			}
			for _, p := range packets {
				p.Timestamp = uint32(i * 90000 / 25)
				if c.stream.WritePacketRTP(media, p) != nil {
					return // closed
				}
			}
			c.sent.Add(1)
		}
	})
	t.Cleanup(func() {
		close(c.over)
		c.sender.Wait()
		c.stream.Close()
		c.server.Close()
	})
	return c
}

// film25 is a picture in a form that motion JPEG over RTP takes: 4:2:0, sides that 8 divides.
func film25(t *testing.T, i int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for y := range 48 {
		for x := range 64 {
			img.Set(x, y, color.RGBA{uint8(4*x + 9*i), uint8(5 * y), uint8(x * y), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(fmt.Errorf("drawing picture %d: %w", i, err))
	}
	return b.Bytes()
}
