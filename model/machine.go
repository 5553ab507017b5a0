package model

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel"
)

// machine compiles a graph in an arena. Gorgonia panics where a graph cannot be compiled; here that is an error.
func machine(g *G.ExprGraph, in *kernel.Arena) (vm G.VM, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("compiling the graph: %v", r)
		}
	}()
	return in.Machine(g)
}
