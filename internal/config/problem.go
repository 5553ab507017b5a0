package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Report takes one problem: the yaml path of what is wrong ("sampler.near"), and what to do about it.
type Report = func(path, format string, args ...any)

// Problem is one thing wrong with a configuration, and where it was said.
type Problem struct {
	Where     string // file, environment variable or flag
	Line, Col int    // in the file, from 1; 0 where there is none
	Path      string // yaml path: sampler.near, sources[1].from
	Text      string // what is wrong and what to do
}

func (p Problem) String() string {
	var s strings.Builder
	s.WriteString(p.Where)
	if p.Line > 0 {
		fmt.Fprintf(&s, ":%d:%d", p.Line, p.Col)
	}
	if s.Len() > 0 {
		s.WriteString(": ")
	}
	if p.Path != "" {
		s.WriteString(p.Path + ": ")
	}
	return s.String() + p.Text
}

// Problems is everything wrong with a configuration, in the order of the file.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}

// origin is where a value was said.
type origin struct {
	where     string
	line, col int
}

// collector gathers problems while a configuration is put together, and knows where each value was said.
type collector struct {
	said     map[string]origin // by yaml path
	fallback origin            // where a value that nobody said would be said
	broken   map[string]bool   // paths whose value could not be read: checking the default in its place says nothing
	secrets  []string          // texts that no message may show

	references map[string]string // by path: a text that was written with ${…} in it
	found      Problems
}

func newCollector(fallback string) *collector {
	return &collector{said: map[string]origin{}, fallback: origin{where: fallback}, broken: map[string]bool{}, references: map[string]string{}}
}

// at reports a problem in a known place.
func (c *collector) at(o origin, path, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, s := range c.secrets {
		if len(s) >= 4 { // a shorter one would be found in ordinary words
			text = strings.ReplaceAll(text, s, mask)
		}
	}
	c.found = append(c.found, Problem{o.where, o.line, o.col, path, text})
}

// read reports that the value said there could not be read.
func (c *collector) read(o origin, path, format string, args ...any) {
	c.broken[path] = true
	c.at(o, path, format, args...)
}

// check is a Report: it finds out where the value was said, or its nearest parent.
func (c *collector) check(path, format string, args ...any) {
	for p := path; p != ""; p = parent(p) {
		if c.broken[p] {
			return
		}
	}
	c.at(c.origin(path), path, format, args...)
}

func (c *collector) origin(path string) origin {
	for p := path; p != ""; p = parent(p) {
		if o, ok := c.said[p]; ok {
			return o
		}
	}
	return c.fallback
}

// parent cuts the last step off a path: sources[1].from → sources[1] → sources → "".
func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

// err is what was found, in order of place, or nil.
func (c *collector) err() error {
	if len(c.found) == 0 {
		return nil
	}
	slices.SortStableFunc(c.found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return slices.Compact(c.found)
}

// under is a Report for a part of the configuration: it puts the part's path before each problem.
func under(prefix string, report Report) Report {
	return func(path, format string, args ...any) {
		full := prefix + "." + path
		if path == "" {
			full = prefix
		}
		report(full, format, args...)
	}
}

// list writes names as they are read aloud: "a, b and c".
func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
