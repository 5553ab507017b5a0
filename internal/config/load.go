package config

import (
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/nearfar/nearfar/sources"
)

// Options are what Load puts on top of the file.
type Options struct {
	Environ  []string                // KEY=value pairs, as os.Environ gives them: for ${VAR} and NEARFAR_…
	Sources  []sources.Config        // from --source flags; when there are any they replace the file's
	Settings []Setting               // from flags, in order; they win over everything
	Checks   []func(*Config, Report) // what a command demands beyond Check
}

// Load puts a configuration together: defaults, then the file (path "" for none), then environment
// variables NEARFAR_…, then flags. It reports every problem it finds, not the first.
//
// The error, if any, is Problems.
func Load(path string, o Options) (*Config, error) {
	c := Defaults()
	col := newCollector(path)
	r := &reader{collector: col, file: path, lookup: lookupIn(o.Environ), fresh: fresh, anchors: map[string]ast.Node{}}
	root := reflect.ValueOf(&c).Elem()
	if path != "" {
		data, err := readFile(path)
		if err != nil {
			return nil, Problems{{Where: path, Text: err.Error()}}
		}
		r.parse(data, root)
	}
	for _, s := range col.environment(o.Environ, root.Type()) {
		r.apply(s, root)
	}
	if len(o.Sources) > 0 {
		c.Sources = o.Sources
		col.forget("sources")
		for i := range o.Sources {
			col.said[fmt.Sprintf("sources[%d]", i)] = origin{where: "--source " + sources.Redact(o.Sources[i].From)}
		}
	}
	for _, s := range o.Settings {
		r.apply(s, root)
	}
	c.Check(col.check)
	checkMasks(root, "", false, col.check)
	for _, check := range o.Checks {
		check(&c, col.check)
	}
	if err := col.err(); err != nil {
		return nil, err
	}
	c.settle()
	if len(col.references) > 0 {
		c.references = col.references
	}
	return &c, nil
}

// readFile reads a configuration file, or says what to do about it.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		return nil, fmt.Errorf("there is no such file, give --config the path of a configuration (`nearfar config print` writes one)")
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("is a folder, give --config a file")
	case err == nil && info.Size() > maxFile:
		return nil, fmt.Errorf("has %s, more than the %s of a configuration: is it the right file?", Size(info.Size()), Size(maxFile))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	return data, nil
}

// lookupIn looks names up in KEY=value pairs; of a repeated name the last counts.
func lookupIn(environ []string) func(string) (string, bool) {
	values := make(map[string]string, len(environ))
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok {
			values[name] = value
		}
	}
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}
