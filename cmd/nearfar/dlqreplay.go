package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/streams/topic"
)

func newDLQReplayCmd(a *app) *cobra.Command {
	var dry, all bool
	cmd := &cobra.Command{
		Use: "replay", Short: "Send dead letters back to the topic of frames, each once", Args: cobra.NoArgs,
		Long: `Sends the original bytes, key and headers of dead letters back to the topic they came from, once what made them
unreadable is mended. Each is sent once, whoever replays and however often: what is about to be sent, and what was,
is noted among the dead letters, and a message that was sent carries the header nearfar_replayed_from. A replay that
died bars others from its letters for a minute or two; then they find out by that header what it had sent.

A frame keeps its time of capture. A trainer whose rig has gone on counts it as late; embed workers and new runs
read it like any other.`,
		Example: `  nearfar dlq replay --brokers kafka:9092 --reason undecodable --dry-run
  nearfar dlq replay --run runs/door --offset 17`,
	}
	f := a.addDLQFlags(cmd)
	f.addChoice()
	cmd.Flags().BoolVar(&all, "all", false, "all letters")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "tell what would be sent, and send nothing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if f.chooses() == all {
			return usagef(cmd.CommandPath(), "say which: by --offset (and --partition), --reason, --stage or --camera, or --all")
		}
		k, close, err := f.open()
		if err != nil {
			return err
		}
		defer close()
		host, err := os.Hostname()
		if err != nil {
			host = "?"
		}
		r := topic.NewReplayer(k.Config, k.DeadLetterTopic().Name, k.Frames, k.MaxMessage(), host+"/"+rand.Text())
		outcomes := map[topic.Outcome]int{}
		var writeErr error
		err = r.Replay(cmd.Context(), f.wants, dry, func(l topic.Letter, o topic.Outcome) {
			outcomes[o]++
			if _, err := fmt.Fprintf(a.out, "%s: %s, %d bytes from %s\n", l.Place, o, len(l.Original.Value), printable(l.From.String())); err != nil {
				writeErr = err
			}
		})
		fmt.Fprintf(a.err, "nearfar: %d sent, %d would be, %d replayed before, %d the same as another, %d that may have been sent and were left alone\n",
			outcomes[topic.Sent], outcomes[topic.WouldSend], outcomes[topic.Already], outcomes[topic.Duplicate], outcomes[topic.Unknown])
		return errors.Join(err, writeErr)
	}
	return cmd
}
