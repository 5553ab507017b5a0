package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Put gives the value of one metric; labels in the order of its Family.
type Put func(name string, value float64, labels ...string)

// NewRegistry is what /metrics shows: what read puts, asked anew for every scrape, and Go's own runtime and
// process metrics. read is called by several goroutines.
func NewRegistry(read func(Put)) *prometheus.Registry {
	c := &collector{read: read, families: map[string]described{}}
	for _, f := range Families() {
		c.families[f.Name] = described{f, prometheus.NewDesc(Prefix+f.Name, f.Help, f.Labels, nil)}
	}
	r := prometheus.NewRegistry()
	r.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// collector asks for the accounts when it is scraped.
type collector struct {
	read     func(Put)
	families map[string]described
}

type described struct {
	Family
	desc *prometheus.Desc
}

// Describe tells every family there can be.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, f := range c.families {
		out <- f.desc
	}
}

// Collect reads the accounts.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	c.read(func(name string, value float64, labels ...string) {
		f, ok := c.families[name]
		if !ok || len(labels) != len(f.Labels) {
			panic("metrics: a sample of no family, or with other labels")
		}
		out <- prometheus.MustNewConstMetric(f.desc, f.Kind, value, labels...)
	})
}
