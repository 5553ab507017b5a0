package catalog

import (
	"fmt"
	"time"

	"github.com/nearfar/nearfar/sources"
)

// Camera is one camera that will run: an entry of the configuration, or one camera of a synth rig.
type Camera struct {
	Name, Rig string
	Live      bool           // drops frames rather than wait
	Config    sources.Config // with every default filled in
	Entry     int            // which of the configured sources it comes from
}

// Cameras turns configured sources into the cameras that will run: defaults filled in, names that differ,
// an entry of kind synth made into one camera for each that its rig has. A synth scene without a seed of
// its own takes the run's. Without a start of their own all begin now.
func Cameras(configs []sources.Config, seed uint64, now time.Time) ([]Camera, error) {
	var out []Camera
	prepared, err := sources.Prepare(configs, now)
	if err != nil {
		return nil, err
	}
	entries, err := entriesOf(configs, prepared)
	if err != nil {
		return nil, err
	}
	for i, c := range prepared {
		if c.Kind == sources.Synth && c.Seed == 0 {
			c.Seed = seed
		}
		out = append(out, Camera{Name: c.Name, Rig: c.Rig, Live: c.Live(), Config: c, Entry: entries[i]})
	}
	return out, nil
}

// entriesOf says which entry each prepared source comes from: one each, of a synth entry as many as its
// rig has cameras.
func entriesOf(configs, prepared []sources.Config) ([]int, error) {
	var entries []int
	for i, c := range configs {
		n := 1
		if c = c.WithDefaults(); c.Kind == sources.Synth {
			n = c.Cameras
		}
		for range n {
			entries = append(entries, i)
		}
	}
	if len(entries) != len(prepared) {
		return nil, fmt.Errorf("%d sources were prepared as %d cameras, not %d", len(configs), len(prepared), len(entries))
	}
	return entries, nil
}
