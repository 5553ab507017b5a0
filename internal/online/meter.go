package online

import (
	"sync"
	"time"

	"github.com/nearfar/nearfar/internal/eval"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/streams/frame"
)

// Status is how a run stands. Figures of learning are means over the time since the last Status; those of
// embeddings are over the newest spreadRows of them.
type Status struct {
	Time          time.Time `json:"time"`
	Step          uint64    `json:"step"`
	Frames        uint64    `json:"frames"` // taken in by the sampler since the run began
	FramesPerSec  float64   `json:"frames_per_second"`
	StepsPerSec   float64   `json:"steps_per_second"`
	Lag           int64     `json:"lag"`  // frames in the topic that the trainer has not read
	Loss          float64   `json:"loss"` // weighted sum over the objectives
	LR            float64   `json:"learning_rate"`
	StepSeconds   float64   `json:"step_seconds"` // that a training step takes, from its draw to the last thing it learned
	Objectives    []Learned `json:"objectives"`
	EmbeddingStd  float64   `json:"embedding_std"` // 1/√d is healthy, 0 collapsed
	EffectiveRank float64   `json:"effective_rank"`
	KNN           float64   `json:"knn"`         // share of labelled frames recognised among earlier visits
	KNNSamples    int       `json:"knn_samples"` // predictions behind it; 0: no labels
}

// spreadRows is how many embeddings std and effective rank are measured on.
const spreadRows = 512

// Meter watches a trainer's outputs. It is safe for concurrent use.
type Meter struct {
	mu     sync.Mutex
	now    func() time.Time
	probe  *eval.Online
	visits *eval.Visits
	dim    int
	full   int // predictions that the probe averages

	recent [][]float32 // ring of the newest embeddings
	next   int

	steps        int // since the last Status
	began        time.Time
	took         time.Duration
	loss, lr     float64
	tallies      []tally // by objective
	step, frames uint64
	last         time.Time
	lastStep     uint64
	lastFrames   uint64
	shown        Status
}

// NewMeter watches embeddings of dim numbers; a gap ends a visit of an object.
func NewMeter(dim int, probe train.Probe, gap time.Duration) *Meter {
	m := &Meter{now: time.Now, dim: dim, visits: eval.NewVisits(gap), full: probe.Last, last: time.Now()}
	if probe.Memory > 0 {
		m.probe = eval.NewOnline(probe.Memory, dim, probe.K, probe.Temperature, probe.Last)
	}
	return m
}

// Recall gives the meter what an earlier life of the run measured last: it stands until there is something
// newer.
func (m *Meter) Recall(s Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shown = s
}

// Begin sets where a resumed run stands.
func (m *Meter) Begin(c train.Counts) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.step, m.lastStep, m.frames, m.lastFrames = c.Steps, c.Steps, c.Trained, c.Trained
	m.shown.Step, m.shown.Frames = c.Steps, c.Trained
}

// StepBegins is called before each Step.
func (m *Meter) StepBegins() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.began = m.now()
}

// Step takes a training step's report.
func (m *Meter) Step(r train.Report) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.took += m.now().Sub(m.began)
	m.steps++
	m.step = r.Step
	m.loss += r.Loss()
	m.lr = float64(r.LR)
	if len(m.tallies) != len(r.Told) {
		m.tallies = make([]tally, len(r.Told))
	}
	for i, t := range r.Told {
		m.tallies[i].add(t)
	}
}

// Embeddings takes published embeddings.
func (m *Meter) Embeddings(es []frame.Embedding) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frames += uint64(len(es))
	for _, e := range es {
		if len(m.recent) < spreadRows {
			m.recent = append(m.recent, e.Vector)
		} else {
			m.recent[m.next] = e.Vector
			m.next = (m.next + 1) % spreadRows
		}
		if m.probe != nil {
			visit := m.visits.Of(frame.Meta{Camera: e.Camera, Rig: e.Rig, Captured: e.Captured, Label: e.Label})
			m.probe.Observe(e.Vector, e.Label, visit)
		}
	}
}

// Status is how things stand now; lag is what the caller knows of it.
func (m *Meter) Status(lag int64) Status {
	m.mu.Lock()
	now := m.now()
	s := m.shown
	s.Time, s.Step, s.Frames, s.Lag = now.UTC(), m.step, m.frames, lag
	if dt := now.Sub(m.last).Seconds(); dt > 0 {
		s.FramesPerSec = float64(m.frames-m.lastFrames) / dt
		s.StepsPerSec = float64(m.step-m.lastStep) / dt
	}
	if n := float64(m.steps); n > 0 {
		s.Loss, s.LR, s.StepSeconds = m.loss/n, m.lr, m.took.Seconds()/n
		s.Objectives = make([]Learned, len(m.tallies))
		for i := range m.tallies {
			s.Objectives[i] = m.tallies[i].mean(m.old(i))
			m.tallies[i] = tally{}
		}
	}
	if m.probe != nil {
		if knn, n := m.probe.Accuracy(); n > 0 {
			s.KNN, s.KNNSamples = knn, n
		}
	}
	m.steps, m.loss, m.took = 0, 0, 0
	m.last, m.lastStep, m.lastFrames = now, m.step, m.frames
	vectors := make([]float32, 0, len(m.recent)*m.dim)
	for _, v := range m.recent {
		vectors = append(vectors, v...)
	}
	m.mu.Unlock()
	if len(vectors) > 0 { // outside the lock: the singular values take a while
		s.EmbeddingStd, s.EffectiveRank = eval.Spread(vectors, m.dim)
	}
	m.mu.Lock()
	m.shown = s
	m.mu.Unlock()
	return s
}

// old is what was shown of an objective last.
func (m *Meter) old(i int) Learned {
	if i < len(m.shown.Objectives) {
		return m.shown.Objectives[i]
	}
	return Learned{}
}

// Score is the running nearest-neighbour accuracy, once it is over as many predictions as Probe.Last: before
// that it is mostly noise, and would keep the wrong checkpoint.
func (m *Meter) Score() (knn float64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.probe == nil {
		return 0, false
	}
	knn, n := m.probe.Accuracy()
	return knn, n > 0 && n >= m.full
}

// Last is the newest Status that was taken.
func (m *Meter) Last() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.shown
}
