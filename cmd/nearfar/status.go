package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/nearfar/nearfar/sources"
)

// watch tells how a feed is doing until it has ended: on one line that is written anew each second where
// somebody looks at it, on a plain line every five seconds where a log takes it.
func watch(w io.Writer, f *feed) {
	every, form := 5*time.Second, "%s\n"
	if terminal(w) {
		every, form = time.Second, "\r%s\x1b[K"
		defer fmt.Fprintln(w)
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for before := uint64(0); ; {
		select {
		case <-f.Done():
			return
		case <-ticker.C:
		}
		sum := sum(f.Totals())
		fmt.Fprintf(w, form, fmt.Sprintf("%s  captured %d (%.1f/s)  acknowledged %d  dropped %d",
			count(len(f.Cameras), "camera"), sum.Captured, float64(sum.Captured-min(before, sum.Captured))/every.Seconds(), sum.Acked, sum.Lost()))
		before = sum.Captured
	}
}

// terminal says whether a person looks at what is written there.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// sum adds up all cameras.
func sum(totals map[string]sources.Beat) sources.Beat {
	all := sources.Beat{Dropped: map[string]uint64{}}
	for _, b := range totals {
		all.Captured += b.Captured
		all.Acked += b.Acked
		for reason, n := range b.Dropped {
			all.Dropped[reason] += n
		}
	}
	return all
}

// unaccounted counts frames that were captured and neither acknowledged nor dropped for a reason. It is 0.
func unaccounted(totals map[string]sources.Beat) int64 {
	all := sum(totals)
	return int64(all.Captured) - int64(all.Acked) - int64(all.Lost())
}

// tell writes what became of every camera's frames.
func tell(w io.Writer, f *feed, asJSON bool) error {
	totals := f.Totals()
	width := len("camera")
	for name := range totals {
		width = max(width, len(name))
	}
	var b strings.Builder
	if !asJSON {
		fmt.Fprintf(&b, "%-*s  %10s  %12s  %s\n", width, "camera", "captured", "acknowledged", "dropped")
	}
	for _, c := range f.Cameras {
		t := totals[c.Name]
		if asJSON {
			line, err := json.Marshal(t)
			if err != nil {
				return fmt.Errorf("writing the counts of %s: %w", c.Name, err)
			}
			b.Write(append(line, '\n'))
			continue
		}
		fmt.Fprintf(&b, "%-*s  %10d  %12d  %d%s", width, c.Name, t.Captured, t.Acked, t.Lost(), reasons(t.Dropped))
		if t.Err != "" {
			b.WriteString("  " + t.Err)
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// reasons writes why frames were dropped: " (kafka slow 10, paused 2)".
func reasons(dropped map[string]uint64) string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(dropped)) {
		if n := dropped[reason]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", reason, n))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
