package main

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model/kernel"
)

// searchTiming has the fields of the NumPy peer in bench/.
type searchTiming struct {
	Program string `json:"program"`
	Rows    int    `json:"rows"`
	Dim     int    `json:"dim"`
	Queries int    `json:"queries"`
	K       int    `json:"k"`
	Threads int    `json:"threads"`
	clocked
	QueriesPS float64 `json:"queries_per_s"`
}

func newBenchSearchCmd(a *app) *cobra.Command {
	var t searchTiming
	var rows []int
	var rounds int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "search", Short: "Time exact search in a memory: the k rows most alike to each query", Args: cobra.NoArgs,
		Long: `Times the search that evaluation, the memory bank and ` + "`nearfar search`" + ` use, over random unit rows: exact
cosines of all rows with all queries, the k best of each, best first.`,
		Example: "  nearfar bench search --rows 65536,1000000 --queries 64 -k 10",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if t.Dim < 1 || t.Queries < 1 || t.K < 1 || rounds < 1 || len(rows) == 0 {
				return usagef(cmd.CommandPath(), "--rows, --dim, --queries, -k and --rounds must be at least 1")
			}
			t.Program, t.Threads = "nearfar "+built().Version, useThreads(t.Threads)
			for _, t.Rows = range rows {
				if t.Rows < 1 {
					return usagef(cmd.CommandPath(), "--rows %d must be at least 1", t.Rows)
				}
				err := t.time(rounds)
				if err == nil {
					err = t.tell(a, asJSON)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.IntSliceVar(&rows, "rows", []int{65536, 1000000}, "sizes of the memory, separated by commas")
	f.IntVar(&t.Dim, "dim", 128, "numbers a row")
	f.IntVar(&t.Queries, "queries", 64, "queries at a time")
	f.IntVarP(&t.K, "k", "k", 10, "how many rows to find")
	f.IntVar(&rounds, "rounds", 5, "searches that are timed, after one that is not")
	f.IntVar(&t.Threads, "threads", 0, "threads of computation (default: all cores)")
	f.BoolVar(&asJSON, "json", false, "as JSON lines")
	return cmd
}

// time fills in the figures of one size.
func (t *searchTiming) time(rounds int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	rows, queries := randomRows("rows", t.Rows, t.Dim), randomRows("queries", t.Queries, t.Dim)
	var err error
	t.clocked, err = timed(rounds, func() error { kernel.Search(rows, queries, t.Dim, t.K); return nil })
	t.QueriesPS = tenths(float64(t.Queries) / t.MedianMS * 1e3)
	return err
}

// randomRows are n rows of numbers between −1 and 1: enough for a search, and fast to draw.
func randomRows(name string, n, dim int) []float32 {
	r := seed.New(1).At(name).Rand()
	x := make([]float32, n*dim)
	for i := range x {
		x[i] = 2*r.Float32() - 1
	}
	return x
}

func (t *searchTiming) tell(a *app, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(a.out).Encode(t)
	}
	_, err := fmt.Fprintf(a.out, "%9d × %d, %d queries, k %d, %d threads: %v, %.0f queries/s\n",
		t.Rows, t.Dim, t.Queries, t.K, t.Threads, t.clocked, t.QueriesPS)
	return err
}
