package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

func newDLQCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "dlq", Short: "List, show and replay dead letters", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef(cmd.CommandPath(), "say what to do: ls, show or replay")
		},
	}
	cmd.AddCommand(newDLQListCmd(a), newDLQShowCmd(a), newDLQReplayCmd(a))
	return cmd
}

// dlqFlags say whose dead letters, and which of them.
type dlqFlags struct {
	*configFlags
	app                   *app
	run                   string
	stage, reason, camera string
	partition             int
	offset                int64
	cmd                   *cobra.Command
}

// addDLQFlags gives a command what all of dlq's have.
func (a *app) addDLQFlags(cmd *cobra.Command) *dlqFlags {
	f := &dlqFlags{configFlags: a.addConfigFlags(cmd), app: a, cmd: cmd}
	f.bind(cmd, "topic", "kafka.frames", "the `topic` of frames whose dead letters are meant")
	cmd.Flags().StringVar(&f.run, "run", "", "the run's `folder`, whose Kafka and topic are meant")
	cmd.Flags().IntVar(&f.partition, "partition", 0, "`partition` of the dead letters that --offset is in")
	cmd.Flags().Int64Var(&f.offset, "offset", 0, "the letter at this `offset` of the dead letters")
	return f
}

// addChoice gives a command the flags that choose among letters.
func (f *dlqFlags) addChoice() {
	f.cmd.Flags().StringVar(&f.stage, "stage", "", "letters of this `stage`: parse or decode")
	f.cmd.Flags().StringVar(&f.reason, "reason", "", "letters of this `reason`, as ls tells it")
	f.cmd.Flags().StringVar(&f.camera, "camera", "", "letters of this `camera`")
}

// chooses says whether any flag chooses.
func (f *dlqFlags) chooses() bool {
	return f.stage+f.reason+f.camera != "" || f.cmd.Flags().Changed("offset")
}

// wants says whether a letter is one of those that the flags choose.
func (f *dlqFlags) wants(l topic.Letter) bool {
	return (f.stage == "" || l.Stage == f.stage) && (f.reason == "" || l.Reason == f.reason) && (f.camera == "" || frame.CameraOf(l.Original) == f.camera) &&
		(!f.cmd.Flags().Changed("offset") || l.Place.Partition == f.partition && l.Place.Offset == f.offset)
}

// open finds the Kafka that the letters are in; close lets it go.
func (f *dlqFlags) open() (k config.KafkaConfig, close func(), err error) {
	if f.run == "" {
		c, err := f.load(f.cmd, config.NeedBrokers)
		if err != nil {
			return k, nil, err
		}
		return c.Kafka, func() {}, nil
	}
	for _, flag := range []string{"config", "brokers", "set"} {
		if f.cmd.Flags().Changed(flag) {
			return k, nil, usagef(f.cmd.CommandPath(), "--run takes the configuration of the run itself, drop --%s", flag)
		}
	}
	if k, close, err = f.app.runKafka(f.run); err == nil && f.cmd.Flags().Changed("topic") {
		k.Frames = f.cmd.Flags().Lookup("topic").Value.String()
	}
	return k, close, err
}

// letters reads the dead letters of a topic.
func letters(ctx context.Context, k config.KafkaConfig, fn func(topic.Letter, bool) error) error {
	err := topic.NewReplayer(k.Config, k.DeadLetterTopic().Name, k.Frames, k.MaxMessage(), "").Letters(ctx, fn)
	if errors.Is(err, topic.ErrNoTopic) {
		return fmt.Errorf("%w (it is made by `nearfar train` and `nearfar run`)", err)
	}
	return err
}

// letterLine is a dead letter as it is printed.
type letterLine struct {
	Partition int       `json:"partition"`
	Offset    int64     `json:"offset"`
	Time      time.Time `json:"time"`
	Stage     string    `json:"stage"`
	Reason    string    `json:"reason"`
	Camera    string    `json:"camera"`
	Size      int       `json:"size"` // of the value, bytes
	From      string    `json:"from"`
	Replayed  bool      `json:"replayed"`
	Error     string    `json:"error"`
}

func lineOf(l topic.Letter, replayed bool) letterLine {
	return letterLine{l.Place.Partition, l.Place.Offset, l.Original.Time, l.Stage, l.Reason, frame.CameraOf(l.Original), len(l.Original.Value), l.From.String(), replayed, sources.Redact(l.Error)}
}

func newDLQListCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "ls", Short: "List dead letters", Args: cobra.NoArgs,
		Long: `Lists the messages that were no frames, or could not be decoded, oldest first: their place among the dead letters,
when and why they came there, the camera and the size of the original. A message may be there twice, once from a
trainer and once from an embed worker; it is replayed once.`,
		Example: `  nearfar dlq ls --brokers kafka:9092
  nearfar dlq ls --run runs/door --reason corrupt --json`,
	}
	f := a.addDLQFlags(cmd)
	f.addChoice()
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON lines")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		k, close, err := f.open()
		if err != nil {
			return err
		}
		defer close()
		n := 0
		err = letters(cmd.Context(), k, func(l topic.Letter, replayed bool) error {
			if !f.wants(l) {
				return nil
			}
			n++
			if asJSON {
				return json.NewEncoder(a.out).Encode(lineOf(l, replayed))
			}
			return writeLine(a.out, n == 1, lineOf(l, replayed))
		})
		if err == nil {
			fmt.Fprintf(a.err, "nearfar: %s\n", count(n, "dead letter"))
		}
		return err
	}
	return cmd
}

// writeLine writes a letter's line of the table, behind the table's head where it is the first.
func writeLine(w io.Writer, first bool, l letterLine) error {
	if first {
		if _, err := fmt.Fprintf(w, "%-12s  %-20s  %-8s  %-16s  %-20s  %10s  %s\n", "place", "time", "stage", "reason", "camera", "bytes", "from"); err != nil {
			return err
		}
	}
	replayed := ""
	if l.Replayed {
		replayed = "  (replayed)"
	}
	_, err := fmt.Fprintf(w, "%-12s  %-20s  %-8s  %-16s  %-20s  %10d  %s%s\n", fmt.Sprintf("%d@%d", l.Partition, l.Offset), l.Time.UTC().Format(time.RFC3339),
		printable(l.Stage), printable(l.Reason), printable(l.Camera), l.Size, printable(l.From), replayed)
	return err
}

// printable keeps what strangers wrote from moving the cursor: everything that is no visible character is escaped.
func printable(s string) string {
	if len(s) > 300 {
		s = s[:300] + "…"
	}
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) < 0 {
		return s
	}
	return strconv.Quote(s)
}
