package online

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nearfar/nearfar/streams/frame"
)

// journal is what a run has met since its last checkpoint and could not have known: in which order messages of
// several partitions arrived, and which of them found it hurried. A life that was killed is repeated by it, so that
// what it published comes out of the same weights again. Each line is a partition, an offset, and h for hurried; the
// first one is the checkpoint it follows. It outlives the process, and not a power cut.
type journal struct {
	path string // "": there is none
	file *os.File
	text []byte  // not written yet
	past []entry // of the life before, and still to come
	err  error   // why it is no longer kept, up to the next checkpoint
}

type entry struct {
	ref     frame.Ref
	hurried bool
}

// openJournal opens the journal of the run that goes on from a checkpoint ("" is its beginning). One that follows
// another checkpoint is of no use, and begins anew.
func openJournal(path, checkpoint string) (*journal, error) {
	j := &journal{path: path}
	if path == "" {
		return j, nil
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading in which order messages came: %w", err)
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1] // the last line may be torn
	head, lines, _ := bytes.Cut(text, []byte("\n"))
	past, ok := entries(lines)
	if string(head) != headOf(checkpoint) || !ok {
		return j, j.begin(checkpoint)
	}
	j.past = past
	j.file, err = os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		err = j.file.Truncate(int64(len(text)))
	}
	if err == nil {
		_, err = j.file.Seek(0, io.SeekEnd)
	}
	if err != nil {
		err = errors.Join(fmt.Errorf("going on with %s: %w", path, err), j.Close())
	}
	return j, err
}

func headOf(checkpoint string) string {
	if checkpoint == "" {
		return "after the beginning"
	}
	return "after " + filepath.Base(checkpoint)
}

// entries reads the lines, all or none.
func entries(text []byte) (all []entry, ok bool) {
	for line := range bytes.Lines(text) {
		words := strings.Fields(string(line))
		var e entry
		if e.hurried = len(words) == 3 && words[2] == "h"; !e.hurried && len(words) != 2 {
			return nil, false
		}
		var errs [2]error
		e.ref.Partition, errs[0] = strconv.Atoi(words[0])
		e.ref.Offset, errs[1] = strconv.ParseInt(words[1], 10, 64)
		if errs[0] != nil || errs[1] != nil {
			return nil, false
		}
		all = append(all, e)
	}
	return all, true
}

// begin begins the journal anew, behind a checkpoint: only what an earlier life has met and this one has not is still
// needed.
func (j *journal) begin(checkpoint string) (err error) {
	if j.path == "" {
		return nil
	}
	j.text, j.err = append(j.text[:0], headOf(checkpoint)+"\n"...), nil
	for _, e := range j.past {
		j.note(e)
	}
	if j.file == nil {
		j.file, err = os.OpenFile(j.path, os.O_CREATE|os.O_RDWR, 0o644)
	}
	if err == nil {
		err = j.file.Truncate(0)
	}
	if err == nil {
		_, err = j.file.Seek(0, io.SeekStart)
	}
	if err == nil {
		_, err = j.file.Write(j.text)
	}
	if err != nil {
		j.err = fmt.Errorf("beginning %s anew, behind a checkpoint: %w", j.path, err)
	}
	j.text = j.text[:0]
	return j.err
}

// order is in which order the next messages are to be read.
func (j *journal) order() []frame.Ref {
	refs := make([]frame.Ref, len(j.past))
	for i, e := range j.past {
		refs[i] = e.ref
	}
	return refs
}

// met notes a message, and whether it finds the run hurried. Of one that an earlier life has met it says whether it
// was then.
func (j *journal) met(ref frame.Ref, hurried bool) bool {
	for i, e := range j.past { // others before it retention has taken meanwhile
		if e.ref.Partition == ref.Partition && e.ref.Offset == ref.Offset {
			j.past = j.past[i+1:]
			return e.hurried
		}
	}
	if j.file != nil && j.err == nil {
		j.note(entry{ref, hurried})
	}
	return hurried
}

// note adds a line to what is to be written.
func (j *journal) note(e entry) {
	j.text = fmt.Appendf(j.text, "%d %d", e.ref.Partition, e.ref.Offset)
	if e.hurried {
		j.text = append(j.text, " h"...)
	}
	j.text = append(j.text, '\n')
}

// flush writes what was noted: before anything that comes of it goes out. After an error nothing more is noted, up to
// the next checkpoint.
func (j *journal) flush() error {
	if len(j.text) == 0 || j.err != nil {
		return nil
	}
	if _, err := j.file.Write(j.text); err != nil {
		j.err = fmt.Errorf("noting in %s in which order messages came: %w", j.path, err)
	}
	j.text = j.text[:0]
	return j.err
}

// Close closes the file. What was not flushed is not needed: nothing came of it.
func (j *journal) Close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}
