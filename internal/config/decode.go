package config

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// The reader walks goccy's syntax tree itself instead of calling its decoder, which stops at the first
// mistake: here every mistake of the file is found in one go, each with its place.

const (
	maxFile    = 1 << 20 // bytes of a configuration file
	maxAliases = 1000    // alias uses in a file: more is an attack, not a configuration
)

// reader reads one file's syntax tree into a value.
type reader struct {
	*collector
	file    string
	lookup  func(string) (string, bool) // environment
	fresh   func(reflect.Type) reflect.Value
	anchors map[string]ast.Node
	aliases int
}

// Visit notes the anchors of the tree.
func (r *reader) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok {
		r.anchors[a.Name.GetToken().Value] = a.Value
	}
	return r
}

// parse reads a yaml document into v, which holds the defaults of what the document leaves out.
func (r *reader) parse(data []byte, v reflect.Value) {
	if len(data) > maxFile {
		r.at(origin{where: r.file}, "", "has %s, more than the %s of a configuration: is it the right file?", Size(len(data)), Size(maxFile))
		return
	}
	tree, err := parser.ParseBytes(data, 0)
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) && syntax.Token != nil {
		p := syntax.Token.Position
		r.at(origin{r.file, p.Line, p.Column}, "", "no yaml: %s (references like ${VAR} inside [ ] or { } need quotes)", syntax.Message)
		return
	}
	if err != nil {
		r.at(origin{where: r.file}, "", "no yaml: %v", err)
		return
	}
	for i, doc := range tree.Docs {
		if doc.Body == nil || isComment(doc.Body) {
			continue
		}
		if i > 0 {
			r.at(r.place(doc.Body), "", "is a second document in the file, keep one and drop what follows the ---")
			return
		}
		ast.Walk(r, doc.Body)
		r.value(doc.Body, v, "", r.place(doc.Body))
	}
}

func isComment(n ast.Node) bool { _, ok := n.(*ast.CommentGroupNode); return ok }

// place is where a node stands; a mapping stands where its first key does.
func (r *reader) place(n ast.Node) origin {
	switch m := n.(type) {
	case *ast.MappingNode:
		if len(m.Values) > 0 && !m.IsFlowStyle {
			n = m.Values[0].Key
		}
	case *ast.MappingValueNode:
		n = m.Key
	}
	p := n.GetToken().Position
	return origin{r.file, p.Line, p.Column}
}

// bare takes anchors, aliases and string tags off a node. It returns nil where that fails, having said why.
func (r *reader) bare(n ast.Node, path string) ast.Node {
	for {
		switch x := n.(type) {
		case *ast.AnchorNode:
			n = x.Value
		case *ast.TagNode:
			if tag := x.Start.Value; tag != "!!str" {
				r.read(r.place(n), path, "has the yaml tag %s, which means nothing here, take it off", tag)
				return nil
			}
			n = x.Value
		case *ast.AliasNode:
			r.aliases++
			target, ok := r.anchors[x.Value.GetToken().Value]
			if !ok || r.aliases > maxAliases {
				r.read(r.place(n), path, "uses *%s, which no anchor before it explains (or more than %d times), write &%[1]s where it is defined", x.Value.GetToken().Value, maxAliases)
				return nil
			}
			n = target
		default:
			return n
		}
	}
}

// value reads a node into v. key is where the node's key stands, or the node itself in a list.
func (r *reader) value(n ast.Node, v reflect.Value, path string, key origin) {
	r.said[path] = key
	n = r.bare(n, path)
	if n == nil {
		return
	}
	_, null := n.(*ast.NullNode)
	switch kindOf(v.Type()) {
	case mapping:
		if null { // a section whose lines are all commented out
			return
		}
		entries, ok := r.entries(n, path, 0)
		if !ok {
			r.read(key, path, "must be a group of keys, is %s", describe(n))
			return
		}
		r.mapping(entries, v, path)
	case sequence:
		if null {
			return
		}
		s, ok := n.(*ast.SequenceNode)
		if !ok {
			r.read(key, path, "must be a list, is %s: write it as [a, b] or as lines that begin with -", describe(n))
			return
		}
		r.sequence(s, v, path)
	default:
		if null {
			r.read(key, path, "has no value, give one or drop the line")
			return
		}
		r.said[path] = r.place(n)
		r.scalar(n, v, path)
	}
}

func (r *reader) sequence(s *ast.SequenceNode, v reflect.Value, path string) {
	if v.Kind() == reflect.Array {
		if len(s.Values) != v.Len() {
			r.read(r.place(s), path, "must hold %d values, holds %d", v.Len(), len(s.Values))
			return
		}
	} else {
		resize(v, len(s.Values))
	}
	for i, n := range s.Values {
		if v.Kind() == reflect.Slice {
			v.Index(i).Set(r.fresh(v.Type().Elem()))
		}
		r.value(n, v.Index(i), fmt.Sprintf("%s[%d]", path, i), r.place(n))
	}
}

// resize makes a list of n zero values; an empty one is nil, so that it equals an empty default.
func resize(v reflect.Value, n int) {
	if n == 0 {
		v.SetZero()
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), n, n))
}

// scalar reads one text, with its references replaced.
func (r *reader) scalar(n ast.Node, v reflect.Value, path string) {
	raw, ok := text(n)
	if !ok {
		r.read(r.place(n), path, "must be a single value, is %s", describe(n))
		return
	}
	e, err := expand(raw, r.lookup)
	if err != nil {
		r.read(r.place(n), path, "%v", err)
		return
	}
	if e.used {
		r.references[path] = raw
	}
	if e.secret && len(e.text) > 0 {
		r.secrets = append(r.secrets, e.text)
	}
	if err := setText(v, e.text); err != nil {
		shown := fmt.Sprintf("%q", raw)
		if errors.Is(err, errType) {
			r.read(r.place(n), path, "%v, is %s", err, shown)
			return
		}
		r.read(r.place(n), path, "%v", err)
	}
}

// text is what a scalar node says, as it was written.
func text(n ast.Node) (string, bool) {
	switch x := n.(type) {
	case *ast.StringNode:
		return x.Value, true
	case *ast.LiteralNode:
		return x.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// describe names what a node is, in the user's words.
func describe(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a group of keys"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	}
	if s, ok := text(n); ok {
		return fmt.Sprintf("the value %q", s)
	}
	return "something else"
}
