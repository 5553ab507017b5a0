package objective

import (
	"bytes"
	"fmt"
	"testing"
)

func TestClassesBeyondTheMostAreRefusedAndCounted(t *testing.T) {
	c := &classes{of: map[string]int32{}, most: 2}
	for _, step := range []struct {
		name string
		want int32
	}{{"a", 0}, {"b", 1}, {"a", 0}, {"c", -1}, {"", -1}, {"b", 1}, {"c", -1}} {
		if got := c.number(step.name); got != step.want {
			t.Errorf("%q has number %d, want %d", step.name, got, step.want)
		}
	}
	if c.Refused != 3 || len(c.Name) != 2 {
		t.Errorf("%+v", c)
	}
}

// Frames whose class came too late are no questions; the others are.
func TestFramesWithoutAClassAreLeftOut(t *testing.T) {
	n := needs("batch")
	n.Batch = 64 // 16 frames
	b := newBench(t, Config{Kind: "sla", Labels: "scene", Classes: 3, Distill: true}, n, footage(160))
	o := b.objective.(*sla)
	for range 4 {
		told := b.train()
		asked := 0
		for _, y := range o.labels.Of {
			if y >= 0 {
				asked++
			}
		}
		if told.Rows != asked {
			t.Errorf("%d questions, %d were asked", asked, told.Rows)
		}
		if want := 1 / float32(len(o.names.Name)*4); told.Chance != want {
			t.Errorf("chance %v with %d classes, want %v", told.Chance, len(o.names.Name), want)
		}
	}
	if len(o.names.Name) != 3 || o.names.Refused == 0 {
		t.Fatalf("%d classes, %d refused: the test would prove little", len(o.names.Name), o.names.Refused)
	}
	var state bytes.Buffer
	if err := o.State()[0].Write(&state); err != nil {
		t.Fatal(err)
	}
	fresh := newBench(t, Config{Kind: "sla", Labels: "scene", Classes: 3, Distill: true}, needs("batch"), nil).objective.(*sla)
	if err := fresh.State()[0].Read(&state, int64(state.Len())); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(fresh.names) != fmt.Sprint(o.names) {
		t.Errorf("read back %v, was %v", fresh.names, o.names)
	}
}
