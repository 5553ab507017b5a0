package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"

	"github.com/nearfar/nearfar/bank"
	"github.com/nearfar/nearfar/internal/safetensors"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams"
	"github.com/nearfar/nearfar/streams/frame"
)

// state is everything of a trainer that is neither weights nor bank nor sampler.
type state struct {
	Settings  Settings      `json:"settings"`
	Step      uint64        `json:"step"`
	Optimizer uint64        `json:"optimizer_steps"`
	Positions map[int]int64 `json:"positions"` // next offset by partition
	Counts    Counts        `json:"counts"`
	Repeats   repeats       `json:"repeats"` // what would be known again

	Heard     map[string]uint64 `json:"heard"`               // frames received when a rig's last came
	Milestone *markedAt         `json:"milestone,omitempty"` // where learning goes back to, if that is not this checkpoint
}

// markedAt is when a milestone was taken.
type markedAt struct {
	Step      uint64 `json:"step"`
	Optimizer uint64 `json:"optimizer_steps"`
}

// Files of a checkpoint.
const (
	queryFile     = "query.safetensors"
	optimizerFile = "optimizer.safetensors"
	stateFile     = "state.json"
)

// save writes the checkpoint: weights, optimiser, running statistics, what the objectives remember (key
// encoders, banks), the sampler's window and replay buffer, frames that wait in the merge, and the Kafka
// position. Random numbers need no state: they are drawn by name and step from the seed.
func (t *Trainer) save() (string, error) {
	l := t.learner
	slots, steps := l.optimizer.State()
	s := state{Settings: t.set, Step: l.step, Optimizer: steps, Positions: t.positions, Counts: t.counts, Repeats: t.repeats, Heard: t.heard}
	parts := []part{
		{queryFile, tensorsOf(l.query.Tensors(), l.query.Spec, l.step)},
		{optimizerFile, tensorsOf(slots, l.query.Spec, l.step)},
		{"sampler.bin", writerTo(t.sampler.WriteTo)},
		{"merge.json", func(w io.Writer) error { return json.NewEncoder(w).Encode(t.mergeState()) }},
		{stateFile, func(w io.Writer) error { return json.NewEncoder(w).Encode(s) }},
	}
	if m := t.milestone; m.step != l.step {
		s.Milestone = &markedAt{m.step, m.optimizer}
		parts = append(parts, t.milestoneParts()...)
	}
	for i, o := range l.objectives {
		for _, p := range o.State() {
			parts = append(parts, part{l.names[i] + "." + p.Name, p.Write})
		}
	}
	m := manifest{Run: t.set.Run, Step: l.step, Epoch: t.out.Epoch}
	if t.out.Score != nil {
		if score, ok := t.out.Score(); ok {
			m.Score = &score
		}
	}
	name := fmt.Sprintf("step-%010d", l.step)
	path, err := writeSnapshot(t.disk, t.dir, name, m, parts)
	if err != nil {
		return "", err
	}
	return path, retain(t.disk, t.dir, name, t.set.Keep)
}

// mergeState is what each rig's merge holds back. As JSON, which sorts its keys: equal states are equal bytes.
func (t *Trainer) mergeState() map[string]streams.MergeState[*frame.Frame] {
	all := map[string]streams.MergeState[*frame.Frame]{}
	for rig, m := range t.merge {
		all[rig] = m.State()
	}
	return all
}

func writerTo(f func(io.Writer) (int64, error)) func(io.Writer) error {
	return func(w io.Writer) error { _, err := f(w); return err }
}

func tensorsOf(ts []model.Tensor, spec model.Spec, step uint64) func(io.Writer) error {
	return func(w io.Writer) error {
		out := make([]safetensors.Tensor, len(ts))
		for i, t := range ts {
			out[i] = safetensors.Tensor{Name: t.Name, Shape: t.Shape, F32: t.Data}
		}
		return safetensors.Encode(w, out, map[string]string{
			"format": "nearfar", "encoder": spec.Encoder, "norm": spec.Norm, "image": strconv.Itoa(spec.Image), "step": strconv.FormatUint(step, 10)})
	}
}

// Resume is a trainer that goes on where the checkpoint at path stopped. The settings must be those of the
// run; what differs is an error, since the run could not end in the same bytes. (How often checkpoints are
// written, and how many are kept, may differ.)
func Resume(path string, set Settings, dir string, out Outputs) (*Trainer, error) {
	s, err := readState(path)
	if err != nil {
		return nil, err
	}
	if diff := different(s.Settings, set); diff != "" {
		return nil, fmt.Errorf("resuming %s: the run was started with other settings (%s); resume with the run's own config, or start a new run in another --out", path, diff)
	}
	t, err := New(set, dir, out)
	if err != nil {
		return nil, err
	}
	if err := t.restore(path, s); err != nil {
		return nil, errors.Join(fmt.Errorf("resuming %s: %w", path, err), t.Close())
	}
	return t, nil
}

// restore takes over every part of a checkpoint.
func (t *Trainer) restore(path string, s state) error {
	l := t.learner
	l.step, t.saved = s.Step, s.Step
	t.positions, t.counts = s.Positions, s.Counts
	if s.Repeats != nil {
		if err := s.Repeats.check(); err != nil {
			return err
		}
		t.repeats = s.Repeats
	}
	if s.Heard != nil {
		t.heard = s.Heard
	}
	if t.positions == nil {
		t.positions = map[int]int64{}
	}
	l.halvings = s.Counts.Halvings
	if m := s.Milestone; m != nil {
		if err := errors.Join(l.read(path, back, m.Optimizer), l.mark(&t.milestone)); err != nil {
			return err
		}
		t.milestone.step = m.Step
	}
	errs := []error{
		l.read(path, "", s.Optimizer),
		readFile(filepath.Join(path, "sampler.bin"), func(r io.Reader, _ int64) (err error) {
			t.sampler, err = sampler.Read(r, t.set.Sampler, samplerSeed(t.set.Seed))
			return err
		}),
		readFile(filepath.Join(path, "merge.json"), t.restoreMerge),
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	t.embedder.adopt(l.query, t.set.version(l.step))
	if s.Milestone == nil {
		return l.mark(&t.milestone)
	}
	return nil
}

func (t *Trainer) restoreMerge(r io.Reader, _ int64) error {
	var all map[string]streams.MergeState[*frame.Frame]
	if err := json.NewDecoder(r).Decode(&all); err != nil {
		return err
	}
	for rig, s := range all {
		camera := rig // unless others speak in it
		for _, l := range s.Lanes {
			if l.Name != rig {
				camera = l.Name
			}
		}
		if len(s.Lanes) == 0 {
			if len(s.Pending) > 0 {
				return fmt.Errorf("rig %.40q waits for frames of no camera", rig)
			}
			continue // its stream was over
		}
		for _, f := range s.Pending {
			if f == nil {
				return fmt.Errorf("rig %.40q waits for a frame that is null", rig)
			}
			if err := f.Check(); err != nil {
				return fmt.Errorf("rig %.40q: %w", rig, err)
			}
		}
		t.merger(&frame.Frame{Meta: frame.Meta{Rig: rig, Camera: camera}}).Restore(s)
	}
	return nil
}

// Epoch is which of a run's trainers wrote a checkpoint, see Outputs.Epoch; 0: it was not counted.
func Epoch(path string) (uint64, error) {
	m, err := readManifest(path)
	return m.Epoch, err
}

func readState(path string) (state, error) {
	var s state
	if _, err := verify(path); err != nil {
		return s, err
	}
	err := readFile(filepath.Join(path, stateFile), func(r io.Reader, _ int64) error { return json.NewDecoder(r).Decode(&s) })
	return s, err
}

func readFile(path string, read func(r io.Reader, size int64) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := read(f, info.Size()); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// readTensors fills live tensors from a file, by name.
func readTensors(path string, live []model.Tensor) error {
	saved, err := safetensors.Read(path)
	if err != nil {
		return err
	}
	for _, l := range live {
		t, err := saved.Tensor(l.Name)
		if err != nil || len(t.F32) != len(l.Data) {
			return fmt.Errorf("reading %s: tensor %s is missing or has another size", path, l.Name)
		}
		copy(l.Data, t.F32)
	}
	return nil
}

// different names the first setting that differs between a run and its continuation, "" where none does.
func different(run, now Settings) string {
	run.Every, run.Keep, run.GoOn, run.EmbedBatch, run.Probe, run.Precision = now.Every, now.Keep, now.GoOn, now.EmbedBatch, now.Probe, now.Precision
	a, b := reflect.ValueOf(run), reflect.ValueOf(now)
	for i := range a.NumField() {
		if x, y := a.Field(i).Interface(), b.Field(i).Interface(); !reflect.DeepEqual(x, y) {
			return fmt.Sprintf("%s was %+v, is %+v", a.Type().Field(i).Name, x, y)
		}
	}
	return ""
}

// LoadWeights reads the query network of a checkpoint, for embedding and evaluation, and names its version.
func LoadWeights(path string) (w *model.Weights, version string, err error) {
	s, err := readState(path)
	if err != nil {
		return nil, "", err
	}
	l := s.Settings
	if w, err = model.NewWeights(l.Spec(), untrained(l.Seed)); err != nil {
		return nil, "", fmt.Errorf("loading checkpoint %s: %w", path, err)
	}
	return w, l.version(s.Step), readTensors(filepath.Join(path, queryFile), w.Tensors())
}

// LoadSettings reads the settings of a checkpoint's run.
func LoadSettings(path string) (Settings, error) {
	s, err := readState(path)
	return s.Settings, err
}

// ReadWeights fills a network with the weights of a checkpoint, by name. The checkpoint may hold more heads.
func ReadWeights(path string, w *model.Weights) error {
	return readTensors(filepath.Join(path, queryFile), w.Tensors())
}

// Untrained is the query network of a checkpoint's run as it was before the first step.
func Untrained(path string) (*model.Weights, error) {
	s, err := readState(path)
	if err != nil {
		return nil, err
	}
	return model.NewWeights(s.Settings.Spec(), untrained(s.Settings.Seed))
}

// LoadBank reads the memory bank of a checkpoint: that of the first objective that keeps one. It is nil where
// none does.
func LoadBank(path string) (b *bank.Rolling, err error) {
	s, err := readState(path)
	if err != nil {
		return nil, err
	}
	for _, c := range s.Settings.Objectives {
		file := filepath.Join(path, c.WithDefaults().Name+".bank.bin")
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			continue
		}
		err = readFile(file, func(r io.Reader, _ int64) error { b, err = bank.Read(r); return err })
		return b, err
	}
	return nil, nil
}

// LoadMemory reads the frames a checkpoint's sampler holds, at training size.
func LoadMemory(path string) ([]*frame.Frame, error) {
	s, err := readState(path)
	if err != nil {
		return nil, err
	}
	var frames []*frame.Frame
	err = readFile(filepath.Join(path, "sampler.bin"), func(r io.Reader, _ int64) error {
		m, err := sampler.Read(r, s.Settings.Sampler, samplerSeed(s.Settings.Seed))
		if err == nil {
			frames = m.Frames()
		}
		return err
	})
	return frames, err
}
