package look

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/nearfar/nearfar/bank"
	"github.com/nearfar/nearfar/internal/sheet"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/streams/frame"
)

// Found is a frame and how near it is to the query.
type Found struct {
	Frame    *frame.Frame
	Distance float64 // 1 − cosine: 0 the same direction, 1 unrelated
}

// Index is frames with their embeddings, searched exactly.
type Index struct {
	encoder *Encoder
	frames  []*frame.Frame
	vectors []float32 // (len(frames), width)
}

// NewIndex looks at the frames with the encoder.
func NewIndex(e *Encoder, frames []*frame.Frame) (*Index, error) {
	vectors, err := e.Embed(frames)
	if err != nil {
		return nil, err
	}
	return &Index{e, frames, vectors}, nil
}

// Nearest are the k frames nearest to the query. Of frames less than apart from each other in time on one
// rig only the nearest is given: its neighbours are all but the same picture.
func (x *Index) Nearest(query *frame.Frame, k int, apart time.Duration) ([]Found, error) {
	v, err := x.encoder.Embed([]*frame.Frame{query})
	if err != nil {
		return nil, err
	}
	for some := 4 * k; ; some *= 4 {
		hits := kernel.Search(x.vectors, v, len(v), some)[0]
		if out := x.spread(hits, k, apart); len(out) == k || some >= len(x.frames) {
			return out, nil
		}
	}
}

// spread is the first k of hits that are no neighbours of earlier ones.
func (x *Index) spread(hits []kernel.Hit, k int, apart time.Duration) []Found {
	var out []Found
	for _, h := range hits {
		if len(out) == k {
			break
		}
		f := x.frames[h.Row]
		near := func(o Found) bool {
			return o.Frame.Rig == f.Rig && math.Abs(float64(o.Frame.Captured.Sub(f.Captured))) < float64(apart)
		}
		if !slices.ContainsFunc(out, near) {
			out = append(out, Found{f, 1 - float64(h.Score)})
		}
	}
	return out
}

// InBank keeps the frames that a key of the bank was made of.
func InBank(frames []*frame.Frame, b *bank.Rolling) []*frame.Frame {
	keys := make(map[frame.Ref]bool, b.Len())
	for i := range b.Len() {
		keys[b.Origin(i).Ref] = true
	}
	return slices.DeleteFunc(slices.Clone(frames), func(f *frame.Frame) bool { return !keys[f.Ref] })
}

// Row is a query and what was found, as a contact sheet draws them.
func Row(title string, query *frame.Frame, found []Found) sheet.Row {
	row := sheet.Row{Title: title, Lead: true, Cells: []sheet.Cell{{Frame: query, Caption: "query\n" + query.Label}}}
	for _, f := range found {
		row.Cells = append(row.Cells, sheet.Cell{Frame: f.Frame,
			Caption: fmt.Sprintf("%.3f  %s\n%s", f.Distance, f.Frame.Camera, f.Frame.Captured.UTC().Format("15:04:05.0"))})
	}
	return row
}
