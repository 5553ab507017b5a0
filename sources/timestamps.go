package sources

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var lastNumber = regexp.MustCompile(`([0-9]+)[^0-9]*$`)

// ReadTimestamps reads the capture times of one camera's frames from a CSV file with a header: a column
// frame_time in seconds on any clock and, where several cameras share the file, a column cam_id. The result
// is each frame's time since the earliest row of the whole file, so that cameras of one rig share a zero,
// and the time from there to the file's latest row. Without an id the number at the end of the video's name
// is taken.
func ReadTimestamps(path, id, video string) (times []time.Duration, span time.Duration, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("reading timestamps: %w", err)
	}
	defer file.Close()
	rows := csv.NewReader(file)
	head, err := rows.Read()
	if err != nil {
		return nil, 0, fmt.Errorf("reading timestamps %s: no header line: %w", path, err)
	}
	for i := range head {
		head[i] = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(head[i], "\ufeff")))
	}
	timeAt, camAt := slices.Index(head, "frame_time"), slices.Index(head, "cam_id")
	if timeAt < 0 {
		return nil, 0, fmt.Errorf("reading timestamps %s: line 1 has the columns %s; one must be frame_time (seconds)", path, strings.Join(head, ", "))
	}
	if id == "" && camAt >= 0 {
		base := strings.TrimSuffix(filepath.Base(video), filepath.Ext(video))
		m := lastNumber.FindStringSubmatch(base)
		if m == nil {
			return nil, 0, fmt.Errorf("reading timestamps %s: it has a column cam_id and the video's name %s no number; set timestamps_id", path, base)
		}
		id = m[1]
	}
	var seconds []float64
	earliest, latest := math.Inf(1), math.Inf(-1)
	cams := map[string]bool{}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, 0, fmt.Errorf("reading timestamps %s: %w", path, err)
		}
		line, _ := rows.FieldPos(timeAt)
		at, err := strconv.ParseFloat(strings.TrimSpace(row[timeAt]), 64)
		if err != nil || math.Abs(at) > 1e11 || math.IsNaN(at) {
			return nil, 0, fmt.Errorf("reading timestamps %s line %d: frame_time is %q, not a number of seconds", path, line, row[timeAt])
		}
		earliest, latest = min(earliest, at), max(latest, at)
		if camAt >= 0 {
			cam := strings.TrimSpace(row[camAt])
			cams[cam] = true
			if cam != id {
				continue
			}
		}
		if n := len(seconds); n > 0 && at <= seconds[n-1] {
			return nil, 0, fmt.Errorf("reading timestamps %s line %d: frame_time %v does not come after the camera's previous %v", path, line, at, seconds[n-1])
		}
		seconds = append(seconds, at)
	}
	if len(seconds) == 0 {
		known := make([]string, 0, len(cams))
		for cam := range cams {
			known = append(known, cam)
		}
		slices.Sort(known)
		return nil, 0, fmt.Errorf("reading timestamps %s: no row for cam_id %q (there are: %s); set timestamps_id", path, id, strings.Join(known, ", "))
	}
	since := func(at float64) time.Duration { return time.Duration(math.Round((at - earliest) * 1e9)) }
	for _, at := range seconds {
		times = append(times, since(at))
	}
	return times, since(latest), nil
}
