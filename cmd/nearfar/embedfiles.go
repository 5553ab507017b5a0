package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nearfar/nearfar/internal/catalog"
	"github.com/nearfar/nearfar/internal/eval"
	"github.com/nearfar/nearfar/internal/look"
	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
)

// fileBatch is how many pictures are looked at together.
const fileBatch = 256

// picturesOf lists a folder: with its classes where it holds folders, else the pictures in it.
func picturesOf(dir string) ([]eval.Image, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("listing pictures: %w", err)
	}
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && info.IsDir() {
			return eval.Images(dir)
		}
	}
	var out []eval.Image
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".jpg", ".jpeg", ".png":
			out = append(out, eval.Image{Path: filepath.Join(dir, e.Name())})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("listing pictures: %s holds no .jpg, .jpeg or .png", dir)
	}
	return out, nil
}

// eachPicture hands on the pictures of a folder, a batch at a time. Their place is their path.
func eachPicture(ctx context.Context, dir string, size int, do func([]*frame.Frame) error) error {
	images, err := picturesOf(dir)
	if err != nil {
		return err
	}
	row := int64(0)
	for part := range slices.Chunk(images, fileBatch) {
		frames := make([]*frame.Frame, len(part))
		for i, im := range part {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			f, err := look.Load(im.Path, size)
			if err != nil {
				return err
			}
			if info, err := os.Stat(im.Path); err == nil {
				f.Captured = info.ModTime().UTC()
			}
			f.Camera, f.Rig, f.Label = filepath.Base(dir), filepath.Base(dir), im.Label
			f.Ref = frame.Ref{Topic: im.Path, Offset: row}
			frames[i] = f
			row++
		}
		if err := do(frames); err != nil {
			return err
		}
	}
	return nil
}

// eachVideoFrame hands on the frames of a video, a batch at a time.
func eachVideoFrame(ctx context.Context, path string, do func([]*frame.Frame) error) error {
	cameras, err := catalog.Cameras([]sources.Config{sources.Config{From: path, Kind: sources.File}.WithDefaults()}, 0, fileTime(path))
	if err != nil {
		return err
	}
	src, err := catalog.Open(cameras[0])
	if err != nil {
		return err
	}
	var batch []*frame.Frame
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := do(batch)
		batch = nil
		return err
	}
	err = src.Run(ctx, 0, func(e frame.Encoded) error {
		f, err := picture.Decode(e, 0)
		if err != nil {
			return err
		}
		f.Ref = frame.Ref{Topic: path, Offset: int64(e.Seq)}
		if batch = append(batch, f); len(batch) < fileBatch/8 { // at full size: not too many at once
			return nil
		}
		return flush()
	})
	return errors.Join(err, flush())
}

// fileTime is when a file was written: the best there is to date its frames.
func fileTime(path string) time.Time {
	if info, err := os.Stat(path); err == nil {
		return info.ModTime().UTC()
	}
	return now()
}
