package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// shownLetter is a letter with everything but its bytes.
type shownLetter struct {
	letterLine
	Key     string        `json:"key"`
	Headers []shownHeader `json:"headers"` // of the original
	Format  string        `json:"format"`  // by its first bytes, "" where they are no picture's
}

type shownHeader struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func newDLQShowCmd(a *app) *cobra.Command {
	var asJSON bool
	var out string
	cmd := &cobra.Command{
		Use: "show", Short: "Show one dead letter, or write its original bytes to a file", Args: cobra.NoArgs,
		Example: `  nearfar dlq show --brokers kafka:9092 --offset 17
  nearfar dlq show --run runs/door --offset 17 --out letter.jpg`,
	}
	f := a.addDLQFlags(cmd)
	cmd.Flags().StringVar(&out, "out", "", "write the original bytes to this `file`, which must not exist; - for standard output, with nothing else")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as a JSON object")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !cmd.Flags().Changed("offset") {
			return usagef(cmd.CommandPath(), "--offset is needed: `nearfar dlq ls` tells them")
		}
		k, close, err := f.open()
		if err != nil {
			return err
		}
		defer close()
		ref := frame.Ref{Topic: k.DeadLetterTopic().Name, Partition: f.partition, Offset: f.offset}
		m, err := topic.At(cmd.Context(), k.Config, ref, k.DeadLetterTopic().MaxBytes)
		if err != nil {
			return err
		}
		l, ok := topic.ParseLetter(m)
		if !ok {
			return fmt.Errorf("%s is no dead letter (a replay's mark, or somebody else's message)", ref)
		}
		if out != "" {
			return a.writeOriginal(out, l)
		}
		return show(a.out, l, asJSON)
	}
	return cmd
}

// writeOriginal writes the bytes as they came.
func (a *app) writeOriginal(path string, l topic.Letter) error {
	if path == "-" {
		_, err := a.out.Write(l.Original.Value)
		return err
	}
	file, err := create(path, "--out")
	if err != nil {
		return err
	}
	_, err = file.Write(l.Original.Value)
	if err = errors.Join(err, file.Close()); err == nil {
		fmt.Fprintf(a.err, "nearfar: %s written to %s\n", count(len(l.Original.Value), "byte"), path)
	}
	return err
}

func show(w io.Writer, l topic.Letter, asJSON bool) error {
	s := shownLetter{letterLine: lineOf(l, false), Key: string(l.Original.Key), Format: frame.Sniff(l.Original.Value)}
	for _, h := range l.Original.Headers {
		s.Headers = append(s.Headers, shownHeader{h.Key, string(h.Value)})
	}
	if asJSON {
		return json.NewEncoder(w).Encode(s)
	}
	format := s.Format
	if format == "" {
		format = fmt.Sprintf("neither JPEG nor PNG, it begins with % x", l.Original.Value[:min(8, len(l.Original.Value))])
	}
	_, err := fmt.Fprintf(w, "letter   %s, of %s\nfrom     %s, camera %s, key %s\nstage    %s\nreason   %s\nerror    %s\nvalue    %d bytes, %s\n",
		l.Place, s.Time.UTC().Format("2006-01-02 15:04:05 MST"), printable(s.From), printable(s.Camera), printable(s.Key),
		printable(s.Stage), printable(s.Reason), printable(s.Error), s.Size, format)
	for i, h := range s.Headers {
		if err == nil {
			_, err = fmt.Fprintf(w, "%-8s %s: %s\n", []string{"headers", ""}[min(i, 1)], printable(h.Key), printable(h.Value))
		}
	}
	return err
}
