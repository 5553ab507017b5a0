// Package picturetest makes pictures that arrive broken, in the ways in which they do.
package picturetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

// Kinds are the ways in which Corrupt breaks a picture.
func Kinds() []string {
	return []string{"empty", "truncated", "truncated without CRC", "bit-flipped", "wrong magic", "huge header", "bomb", "bomb without CRC", "wrong CRC", "mangled CRC", "text", "mistaken type"}
}

// Good is picture number n of a camera: noise under a gradient, JPEG or PNG.
func Good(s seed.Seed, n int) frame.Encoded {
	r := s.At("good").Rand(uint64(n))
	img := image.NewRGBA(image.Rect(0, 0, 24+r.IntN(40), 24+r.IntN(40)))
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			img.Set(x, y, color.RGBA{uint8(4*x + r.IntN(32)), uint8(4*y + r.IntN(32)), uint8(7 * n), 255})
		}
	}
	var b bytes.Buffer
	kind, err := "image/jpeg", error(nil)
	if n%4 == 3 {
		kind, err = "image/png", png.Encode(&b, img)
	} else {
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 40 + r.IntN(55)})
	}
	if err != nil {
		panic("picturetest: a picture in memory cannot be encoded")
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(n) * 100 * time.Millisecond)
	return frame.Encoded{Meta: frame.Meta{Camera: "broken", Rig: "broken", Seq: uint64(n), Captured: at}, ContentType: kind, Data: b.Bytes()}
}

// Corrupt is message number n, broken in the way Kinds()[n % len(Kinds())]: it must be refused.
func Corrupt(s seed.Seed, n int) (kind string, m frame.Message) {
	kind = Kinds()[n%len(Kinds())]
	r := s.At("corrupt").Rand(uint64(n))
	e := Good(s, n)
	m = e.Message() // with the CRC of the whole picture
	data := bytes.Clone(e.Data)
	switch kind {
	case "empty":
		data = nil
	case "truncated":
		data = data[:r.IntN(len(data))]
	case "truncated without CRC":
		data, m = data[:len(data)-1-r.IntN(len(data)-1)], without(m, "ce_crc32c")
	case "bit-flipped":
		for range 1 + r.IntN(4) {
			data[r.IntN(len(data))] ^= 1 << r.IntN(8)
		}
		if bytes.Equal(data, e.Data) { // two flips undid each other
			data[len(data)/2] ^= 1
		}
	case "wrong magic":
		copy(data, [][]byte{[]byte("GIF89a"), []byte("RIFF"), []byte("\x00\x00\x00\x1cftyp"), []byte("BM"), {0xFF, 0xD8, 0x00}, []byte("%PDF-")}[r.IntN(6)])
		m = sealed(m, data)
	case "huge header":
		data = hugeHeader(r)
		m = sealed(m, data)
	case "bomb":
		data = bomb(e)
		m = sealed(m, data)
	case "bomb without CRC":
		data, m = bomb(e), without(m, "ce_crc32c")
	case "wrong CRC":
		set(&m, "ce_crc32c", fmt.Sprintf("%08x", checksum(data)^uint32(1+r.IntN(1<<30))))
	case "mangled CRC":
		set(&m, "ce_crc32c", []string{"", "xyzzyxyz", "123456789", "-1"}[r.IntN(4)])
	case "text":
		data, m = []byte("<html><body>401 Unauthorized</body></html>"), without(m, "ce_crc32c")
	case "mistaken type":
		set(&m, "content-type", map[string]string{"image/jpeg": "image/png", "image/png": "image/jpeg"}[e.ContentType])
	}
	m.Value = data
	return kind, m
}

// hugeHeader is a JPEG of nothing but metadata, which promises more than there is.
func hugeHeader(r *rand.Rand) []byte {
	data := []byte{0xFF, 0xD8}
	for range 1 + r.IntN(6) {
		data = append(data, 0xFF, 0xE1, 0xFF, 0xFF)
		data = append(data, make([]byte, 0xFFFF-2)...)
	}
	return append(data, 0xFF, 0xE1, 0xFF, 0xFF, 0)
}

// bomb says of a small picture that it is far larger than can be decoded, with a header that is right otherwise.
func bomb(e frame.Encoded) []byte {
	data := bytes.Clone(e.Data)
	if e.ContentType == "image/png" {
		binary.BigEndian.PutUint32(data[16:], 100_000)
		binary.BigEndian.PutUint32(data[20:], 100_000)
		binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
		return data
	}
	at := bytes.Index(data, []byte{0xFF, 0xC0})
	binary.BigEndian.PutUint16(data[at+5:], 65_500)
	binary.BigEndian.PutUint16(data[at+7:], 65_500)
	return data
}

func checksum(data []byte) uint32 { return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) }

// sealed gives a message the CRC of what it really holds: it was broken before it was sent.
func sealed(m frame.Message, data []byte) frame.Message {
	set(&m, "ce_crc32c", fmt.Sprintf("%08x", checksum(data)))
	return m
}

func set(m *frame.Message, header, value string) {
	*m = without(*m, header)
	m.Headers = append(m.Headers, frame.Header{Key: header, Value: []byte(value)})
}

func without(m frame.Message, header string) frame.Message {
	var kept []frame.Header
	for _, h := range m.Headers {
		if h.Key != header {
			kept = append(kept, h)
		}
	}
	m.Headers = kept
	return m
}
