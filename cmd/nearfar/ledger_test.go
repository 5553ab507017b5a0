package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/internal/catalog"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/topic"
)

// upTo is a topic of two partitions, with so many messages in the second.
func upTo(next int64) map[int]topic.Bound { return map[int]topic.Bound{0: {}, 1: {Next: next}} }

func ledgerOf(t *testing.T, dir string, bounds map[int]topic.Bound) *ledger {
	t.Helper()
	l, err := openLedger(dir, bounds)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

var twoCameras = []catalog.Camera{{Name: "clip"}, {Name: "door", Live: true}}

func begin(t *testing.T, l *ledger, at map[string]position, bounds map[int]topic.Bound, alone bool) {
	t.Helper()
	if err := l.begin(twoCameras, at, bounds, alone); err != nil {
		t.Fatal(err)
	}
}

// beats notes what two cameras have counted, whatever the time since the last note.
func beats(l *ledger, clip, door sources.Beat) {
	clip.Camera, door.Camera = "clip", "door"
	l.beat(clip)
	l.noted = l.noted.Add(-noteEvery)
	l.beat(door)
	l.noted = l.noted.Add(-noteEvery)
}

func TestCountsOfAllLivesAddUp(t *testing.T) {
	dir := t.TempDir()
	l := ledgerOf(t, dir, upTo(0))
	begin(t, l, nil, upTo(0), true)
	if err := l.end(map[string]sources.Beat{"clip": {Captured: 10, Acked: 10}, "door": {Captured: 9, Acked: 7, Dropped: map[string]uint64{"paused": 2}}}, upTo(17)); err != nil {
		t.Fatal(err)
	}
	l = ledgerOf(t, dir, upTo(17))
	begin(t, l, map[string]position{"clip": {next: 10}, "door": {next: 9}}, upTo(17), true)
	if err := l.end(map[string]sources.Beat{"clip": {Captured: 5, Acked: 5}, "door": {Captured: 3, Acked: 1, Dropped: map[string]uint64{"paused": 1, "kafka slow": 1}}}, upTo(25)); err != nil {
		t.Fatal(err)
	}
	got := ledgerOf(t, dir, upTo(25)).sum()
	if got.Captured != 27 || got.Acked != 23 || !maps.Equal(got.Dropped, map[string]uint64{"paused": 3, "kafka slow": 1}) {
		t.Errorf("%+v", got)
	}
	if l.book.Others != 2 || l.inTopic(upTo(25)) != 25 {
		t.Errorf("%d of others, %d in the topic", l.book.Others, l.inTopic(upTo(25)))
	}
}

func TestAKilledLifesFramesAreFoundInKafka(t *testing.T) {
	for _, tc := range []struct {
		name           string
		inTopic        int64
		clipNext       uint64
		alone          bool
		captured, ackd uint64
		died           uint64
	}{
		{"nothing after the note", 14, 8, true, 16, 14, 2}, // 2 of the door's were on their way; 2 of the clip's come again
		{"all that was on its way", 18, 10, true, 18, 18, 0},
		{"more than was noted", 25, 12, true, 25, 25, 0},
		{"others write, too", 25, 12, false, 20, 18, 2},
	} {
		dir := t.TempDir()
		l := ledgerOf(t, dir, upTo(0))
		begin(t, l, nil, upTo(0), tc.alone)
		beats(l, sources.Beat{Captured: 10, Acked: 8}, sources.Beat{Captured: 8, Acked: 6})
		l = ledgerOf(t, dir, upTo(tc.inTopic)) // killed
		begin(t, l, map[string]position{"clip": {next: tc.clipNext}, "door": {next: 9}}, upTo(tc.inTopic), tc.alone)
		got := l.sum()
		if got.Captured != tc.captured || got.Acked != tc.ackd || got.Dropped[sources.DroppedDied] != tc.died || got.Captured != got.Acked+total(got.Dropped) {
			t.Errorf("%s: %+v", tc.name, got)
		}
	}
}

func TestARunReadsWhatTheTopicHeldAndDoesNotCallItItsOwn(t *testing.T) {
	bounds := map[int]topic.Bound{0: {First: 90, Next: 100}}
	l := ledgerOf(t, t.TempDir(), bounds)
	if l.book.Others != 10 || l.inTopic(bounds) != 10 || l.book.First[0] != 90 {
		t.Errorf("%+v", l.book)
	}
	begin(t, l, map[string]position{"clip": {next: 40}}, bounds, false) // of an earlier run
	if from := l.book.Cameras["clip"].From; from != 40 || l.sum().Captured != 0 {
		t.Errorf("from %d, %+v", from, l.sum())
	}
}

func TestADamagedLedgerIsNamed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ledgerFile), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openLedger(dir, upTo(0)); err == nil || !strings.Contains(err.Error(), ledgerFile) {
		t.Errorf("got %v", err)
	}
}
