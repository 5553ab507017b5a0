package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/streams/broker"
)

func newBrokerCmd(a *app) *cobra.Command {
	var dir, advertise string
	var port int
	cmd := &cobra.Command{
		Use: "broker", Short: "Run the embedded Kafka broker by itself", Args: cobra.NoArgs,
		Long: `Run the embedded Kafka broker by itself, on this machine only, until a signal comes. It is a single node
without replication: for trying things out, not for production. Its address goes to standard output.`,
		Example: `  nearfar broker --dir runs/broker --port 9092
  nearfar ingest --brokers 127.0.0.1:9092 --source synth`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if port < 0 || port > 65535 {
				return usagef(cmd.CommandPath(), "--port %d must lie between 0 and 65535", port)
			}
			log := a.logger(config.LogConfig{})
			b, err := broker.Start(broker.Config{Dir: dir, Port: port, Advertise: advertise, Log: log})
			if err != nil {
				return err
			}
			log.Info("embedded broker: a single node, not for production", "address", b.Addr(), "dir", dir)
			if _, err := fmt.Fprintln(a.out, b.Addr()); err != nil {
				return err
			}
			<-cmd.Context().Done()
			log.Info("closing the broker")
			return b.Close()
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "runs/broker", "`folder` of its log")
	cmd.Flags().IntVar(&port, "port", 9092, "`port` on 127.0.0.1; 0: any free one, the same again next time")
	cmd.Flags().StringVar(&advertise, "advertise", "", "`host:port` that clients are told to connect to, where a proxy or a port mapping stands before it (default: where it listens)")
	return cmd
}
