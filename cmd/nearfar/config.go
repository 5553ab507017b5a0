package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/catalog"
	"github.com/nearfar/nearfar/internal/config"
)

func newConfigCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Check, print and describe configurations", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef(cmd.CommandPath(), "say what to do: check, print, schema or kinds")
		},
	}
	cmd.AddCommand(newConfigCheckCmd(a), newConfigPrintCmd(a), newConfigSchemaCmd(a), newConfigKindsCmd(a))
	return cmd
}

// loadArg loads the file named by --config or by the argument.
func (f *configFlags) loadArg(cmd *cobra.Command, args []string) (*config.Config, error) {
	if len(args) == 1 {
		if f.file != "" {
			return nil, usagef(cmd.CommandPath(), "name the file once, not as --config and as an argument")
		}
		f.file = args[0]
	}
	return f.load(cmd)
}

func newConfigCheckCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "check [file]", Short: "Find every problem of a configuration", Args: cobra.MaximumNArgs(1),
		Long: "Check a configuration without starting anything. Every problem is told with file, line and column.\nExit code 78 when there is one.",
		Example: `  nearfar config check cameras.yaml
  nearfar config check cameras.yaml --set sampler.near=300ms`,
	}
	flags := a.addConfigFlags(cmd)
	flags.bindSources(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := flags.loadArg(cmd, args)
		if err != nil {
			return err
		}
		cameras, err := catalog.Cameras(c.Sources, c.Run.Seed, now())
		if err != nil {
			return err
		}
		name := flags.file
		if name == "" {
			name = "the default configuration"
		}
		_, err = fmt.Fprintf(a.out, "%s is right: %s, encoder %s, %s\n", name, count(len(cameras), "camera"), c.Model.Encoder, count(len(c.Sinks), "sink"))
		return err
	}
	return cmd
}

func newConfigPrintCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "print [file]", Short: "Print the whole configuration, secrets masked", Args: cobra.MaximumNArgs(1),
		Long: "Print the configuration as it would run: defaults, file, environment and flags put together.\nPasswords and the credentials in URLs are masked.",
		Example: `  nearfar config print > nearfar.yaml
  nearfar config print cameras.yaml --json`,
	}
	flags := a.addConfigFlags(cmd)
	flags.bindSources(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "as a JSON object")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := flags.loadArg(cmd, args)
		if err != nil {
			return err
		}
		out := config.Print(c)
		if asJSON {
			if out, err = config.JSON(c); err != nil {
				return err
			}
			out = append(out, '\n')
		}
		_, err = a.out.Write(out)
		return err
	}
	return cmd
}

func newConfigSchemaCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the configuration, for editors", Args: cobra.NoArgs,
		Example: `  nearfar config schema > nearfar.schema.json
  # then, as the first line of a configuration:
  # yaml-language-server: $schema=nearfar.schema.json`,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write(config.Schema())
			return err
		},
	}
}

func newConfigKindsCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "kinds", Short: "List the kinds of sources, encoders, objectives and sinks", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			for _, c := range catalog.Table() {
				if _, err := fmt.Fprintf(a.out, "%-10s %-10s %s\n", c.Role, c.Name, c.About); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
