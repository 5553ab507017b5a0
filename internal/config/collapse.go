package config

// CollapseConfig says when embeddings have collapsed: they are all alike, or lie on a line. Healthy ones have a
// standard deviation near 1/√d in each of their d directions.
type CollapseConfig struct {
	Std   float64 `yaml:"std"`   // share of the healthy 1/√d below which the alarm is raised; default 0.05, 0 never
	Rank  float64 `yaml:"rank"`  // effective rank (RankMe) below which it is raised; default 1.5, 0 never
	After uint64  `yaml:"after"` // steps before it may be raised, since a network that has learned nothing looks collapsed; default 500
}

// DefaultCollapse finds embeddings that are of no use to anybody, and nothing that is merely poor.
func DefaultCollapse() CollapseConfig { return CollapseConfig{Std: 0.05, Rank: 1.5, After: 500} }

// Check reports every problem with its yaml path.
func (c CollapseConfig) Check(report Report) {
	within(report, "std", c.Std, 0, 1)
	within(report, "rank", c.Rank, 0, 1e6)
}
