package online

import (
	"testing"
	"time"
)

func TestDecodingAndStepsTakeTurns(t *testing.T) {
	r := turns{taken: true}
	first, second := r.decode(), r.decode() // any number at once
	stepping := make(chan func())
	go func() { stepping <- r.step() }()
	select {
	case <-stepping:
		t.Fatal("a step began while pictures were decoded")
	case <-time.After(50 * time.Millisecond):
	}
	first()
	second()
	over := <-stepping
	decoding := make(chan func())
	go func() { decoding <- r.decode() }()
	select {
	case <-decoding:
		t.Fatal("a picture was decoded while a step ran")
	case <-time.After(50 * time.Millisecond):
	}
	over()
	(<-decoding)()
}

func TestNobodyWaitsWhereThereAreCoresToSpare(t *testing.T) {
	var r turns
	defer r.step()()
	r.decode()()
}
