// Package catalog is the one visible table of nearfar's components: which kinds of sources, encoders,
// objectives and sinks there are, and how a source is made of its configuration.
package catalog

import (
	"fmt"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/sources/capture"
	"github.com/nearfar/nearfar/sources/still"
	"github.com/nearfar/nearfar/sources/synth"
)

// Component is one line of the table.
type Component struct {
	Role  string // source, encoder, objective or sink
	Name  string // as the configuration says it
	About string
}

// Table lists all components, role by role.
func Table() []Component {
	table := []Component{
		{"source", sources.File, "a video file"},
		{"source", sources.Folder, "a folder of pictures, its subfolders scenes"},
		{"source", sources.URL, "a camera by RTSP or HTTP"},
		{"source", sources.Device, "a camera of this machine (V4L2)"},
		{"source", sources.Synth, "a rendered scene seen by several cameras"},
		{"sink", "topic", "the Kafka topic kafka.embeddings"},
		{"sink", "files", "JSON lines"},
		{"sink", "stdout", "JSON lines on standard output"},
	}
	for _, name := range model.Encoders() {
		table = append(table, Component{"encoder", name, model.AboutEncoder(name)})
	}
	for _, kind := range objective.Kinds() {
		table = append(table, Component{"objective", kind, objective.About(kind)})
	}
	return table
}

// Open makes the source of one camera.
func Open(c Camera) (sources.Source, error) {
	switch c.Config.Kind {
	case sources.File, sources.URL, sources.Device:
		return capture.New(c.Config)
	case sources.Folder:
		return still.New(c.Config)
	case sources.Synth:
		return synth.New(c.Config)
	}
	return nil, fmt.Errorf("camera %s: a source of kind %q is unknown", c.Name, c.Config.Kind)
}

// Check reports what each source's kind finds wrong with it, and names that are used twice.
func Check(c *config.Config, report config.Report) {
	first := map[string]int{}
	for i, s := range c.Sources {
		at := func(path, format string, args ...any) {
			report(fmt.Sprintf("sources[%d].%s", i, path), format, args...)
		}
		if s = s.WithDefaults(); s.Kind == sources.Synth {
			checkScene(s, at)
		}
		name := c.Sources[i].Name
		if name == "" {
			continue
		}
		if j, taken := first[name]; taken {
			at("name", "%s is the name of sources[%d] too, give each camera its own", name, j)
			continue
		}
		first[name] = i
	}
}

// checkScene reports what no scene can be made of, under the keys that a source has for it.
func checkScene(s sources.Config, report config.Report) {
	scene, err := synth.Of(s)
	if err == nil {
		return
	}
	scene.Check(func(path, format string, args ...any) {
		if path == "width" || path == "height" {
			path = "size"
		}
		report(path, format, args...)
	})
}
