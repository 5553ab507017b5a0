package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/catalog"
	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/sources"
)

// configFlags are the flags of every command that works by a configuration. Each of them is a value of
// the configuration said in another place, so that there is one set of checks and defaults.
type configFlags struct {
	app     *app
	file    string
	sources []string
	set     []string
	bound   map[string]string // flag → yaml path
}

// addConfigFlags gives a command --config, --set and --brokers; bind and bindSources add more.
func (a *app) addConfigFlags(cmd *cobra.Command) *configFlags {
	f := &configFlags{app: a, bound: map[string]string{}}
	cmd.Flags().StringVarP(&f.file, "config", "c", "", "configuration `file` (default: none, the defaults of `nearfar config print`)")
	cmd.Flags().StringArrayVar(&f.set, "set", nil, "a `key=value` of the configuration, like sampler.near=300ms; may be repeated")
	f.bind(cmd, "brokers", "kafka.brokers", "Kafka brokers, `host:port,…`")
	return f
}

// bind makes a flag stand for a value of the configuration. The usage names the value's form in back quotes.
func (f *configFlags) bind(cmd *cobra.Command, flag, path, usage string) {
	cmd.Flags().String(flag, "", usage)
	f.bound[flag] = path
}

// bindSources gives a command --source.
func (f *configFlags) bindSources(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&f.sources, "source", "s", nil, "a `camera`: clip.mp4, folder/, rtsp://…, http://…, 0, /dev/video0, synth; may be repeated and replaces the file's sources")
}

// bindHTTP gives a command --http.
func (f *configFlags) bindHTTP(cmd *cobra.Command) {
	f.bind(cmd, "http", "http.listen", "answer /healthz, /readyz and /metrics on this `address`, like 127.0.0.1:9090 (default: off)")
}

// resume makes the configuration that of the run in dir, if one is named.
func (f *configFlags) resume(cmd *cobra.Command, dir string) error {
	if dir == "" {
		return nil
	}
	for _, flag := range []string{"config", "out"} {
		if cmd.Flags().Changed(flag) {
			return usagef(cmd.CommandPath(), "--resume takes the folder and the configuration of the run itself, drop --%s", flag)
		}
	}
	f.file = filepath.Join(dir, configFile)
	if _, err := os.Stat(f.file); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s holds no run (there is no %s): give --resume a run's folder, or begin one with --out %s", dir, f.file, dir)
	}
	return nil
}

// load puts the configuration together and checks it whole.
func (f *configFlags) load(cmd *cobra.Command, checks ...func(*config.Config, config.Report)) (*config.Config, error) {
	o := config.Options{Environ: f.app.environ, Checks: append(checks, catalog.Check)}
	for _, arg := range f.sources {
		c, err := sources.Parse(arg)
		if err != nil {
			return nil, usageError{err, cmd.CommandPath()}
		}
		o.Sources = append(o.Sources, c)
	}
	for flag, path := range f.bound {
		if g := cmd.Flags().Lookup(flag); g != nil && g.Changed {
			o.Settings = append(o.Settings, config.Setting{From: "--" + flag, Path: path, Value: g.Value.String()})
		}
	}
	for _, s := range f.set {
		path, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, usagef(cmd.CommandPath(), "--set %q must be key=value, like sampler.near=300ms", s)
		}
		o.Settings = append(o.Settings, config.Setting{From: "--set", Path: path, Value: value})
	}
	c, err := config.Load(f.file, o)
	if err != nil {
		return nil, err
	}
	c.Log = f.app.logConfig(c.Log)
	return c, nil
}
