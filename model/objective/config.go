package objective

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Config is one thing the network is trained for. What a kind has no use for must be left out; what is
// left out takes the kind's default.
type Config struct {
	Kind   string  `yaml:"kind" jsonschema:"enum=arrow,enum=byol,enum=colour,enum=context,enum=cpc,enum=inpaint,enum=jigsaw,enum=moco,enum=nce,enum=npairs,enum=npid,enum=order,enum=predict,enum=rotation,enum=scl,enum=simclr,enum=simsiam,enum=sla,enum=splitbrain,enum=triplet,enum=vicreg,enum=vince"` // what to learn, see `nearfar config kinds`; default moco
	Name   string  `yaml:"name"`                                                                                                                                                                                                                                                                            // of its head and its figures; default: the kind
	Weight float64 `yaml:"weight"`                                                                                                                                                                                                                                                                          // of its gradient among the others; default 1

	Temperature float64       `yaml:"temperature,omitempty"`                                                       // divides similarities; default that of the kind's paper, 0.1 for moco
	Positives   string        `yaml:"positives,omitempty" jsonschema:"enum=any,enum=same,enum=temporal,enum=view"` // which frames are positives: any (the sampler's choice), same (two looks at one frame), temporal or view (of triplet, npairs and scl); default any
	Decay       float64       `yaml:"decay,omitempty"`                                                             // by which a key's similarity shrinks with every step of its age (VideoMoCo), (0, 1]; default 1, not at all
	Hard        int           `yaml:"hard,omitempty"`                                                              // hardest negatives kept for each query; default 0, all
	Negatives   int           `yaml:"negatives,omitempty"`                                                         // noise samples a query, of nce and npid; default 1024
	Softmax     bool          `yaml:"softmax,omitempty"`                                                           // npid: the full softmax over the bank in place of noise-contrastive estimation; default false
	Proximal    float64       `yaml:"proximal,omitempty"`                                                          // npid: pull of an embedding towards its last one (30 in the paper); default 0
	Accumulate  int           `yaml:"accumulate,omitempty"`                                                        // simclr: batches that make one effective batch, by embedding cache; default 1
	Margin      float64       `yaml:"margin,omitempty"`                                                            // triplet: by how much negatives must be further than positives; default 0.2
	Mining      string        `yaml:"mining,omitempty" jsonschema:"enum=semihard,enum=all"`                        // triplet: which negatives count, semihard or all; default semihard
	Sigma       time.Duration `yaml:"sigma,omitempty"`                                                             // scl: over how long frames stay alike, the width of a Gaussian; default 1s

	Frames int `yaml:"frames,omitempty"` // frames a clip (cpc 8, order 5, arrow 4, predict 4) or a scene (vince 4); the clip's stride is sampler.clip.stride
	Ahead  int `yaml:"ahead,omitempty"`  // cpc, predict: how many frames ahead are predicted; default 3 (cpc) or 1

	Form         string  `yaml:"form,omitempty" jsonschema:"enum=tiles,enum=pair"`                      // jigsaw: tiles (nine in a permutation) or pair (two of eight, 64 classes); default tiles
	Permutations int     `yaml:"permutations,omitempty"`                                                // jigsaw: 24, 100 or 1000; default 24
	Touching     bool    `yaml:"touching,omitempty"`                                                    // context, jigsaw: tiles without a gap, so that edges give the answer away; for showing just that; default false
	Aberration   string  `yaml:"aberration,omitempty" jsonschema:"enum=project,enum=drop,enum=none"`    // context: what is done against chromatic aberration, project, drop or none; default project
	Mask         string  `yaml:"mask,omitempty" jsonschema:"enum=centre,enum=random"`                   // inpaint: centre or random; default centre
	Adversarial  float64 `yaml:"adversarial,omitempty"`                                                 // inpaint: weight of the discriminator (0.001 in the paper); default 0, none
	Transforms   string  `yaml:"transforms,omitempty" jsonschema:"enum=rotation,enum=colour,enum=both"` // sla: rotation (4), colour (6) or both (24); default rotation
	Labels       string  `yaml:"labels,omitempty" jsonschema:"enum=label,enum=camera,enum=scene"`       // sla: what stands for the class, label (of the frame), camera or scene; default camera
	Classes      int     `yaml:"classes,omitempty"`                                                     // sla: most classes there can be; default 64
	Distill      bool    `yaml:"distill,omitempty"`                                                     // sla: also train a head that answers alone as all copies do together; default false
}

// Default is MoCo against the bank.
func Default() Config { return Config{Kind: "moco"} }

// WithDefaults fills in what is left out.
func (c Config) WithDefaults() Config {
	if c.Kind == "" {
		c.Kind = Default().Kind
	}
	if c.Name == "" {
		c.Name = c.Kind
	}
	if c.Weight == 0 {
		c.Weight = 1
	}
	v, d := reflect.ValueOf(&c).Elem(), reflect.ValueOf(kinds[c.Kind].defaults)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			v.Field(i).Set(d.Field(i))
		}
	}
	return c
}

// Kinds are the names that Kind takes, sorted.
func Kinds() []string { return slices.Sorted(maps.Keys(kinds)) }

// About says in a line what a kind learns, and whose idea it was.
func About(kind string) string { return kinds[kind].about }

// Check reports every problem of one objective with its yaml path below it. Whether it fits the rest of
// the configuration is CheckWith's.
func (c Config) Check(report func(path, format string, args ...any)) {
	if c.Kind != "" {
		if _, ok := kinds[c.Kind]; !ok {
			report("kind", "%q is unknown, there are %s", c.Kind, strings.Join(Kinds(), ", "))
			return
		}
	}
	c.checkKeys(report)
	c = c.WithDefaults()
	if strings.ContainsAny(c.Name, "/\\. \t\n") {
		report("name", "%q must be one word without dots and slashes: files and parameters are named after it", c.Name)
	}
	in := func(path string, x, lo, hi float64) {
		if slices.Contains(kinds[c.Kind].keys, path) && !(x >= lo && x <= hi) {
			report(path, "%v must lie between %v and %v", x, lo, hi)
		}
	}
	of := func(path, x string, known ...string) {
		if slices.Contains(kinds[c.Kind].keys, path) && !slices.Contains(known, x) {
			report(path, "%q is unknown, there are %s", x, strings.Join(known, ", "))
		}
	}
	if !(c.Weight > 0 && c.Weight <= 1e6) {
		report("weight", "%v must be above 0; leave an objective out rather than give it no weight", c.Weight)
	}
	in("temperature", c.Temperature, 0.001, 100)
	if kinds[c.Kind].views {
		of("positives", c.Positives, "any", "temporal", "view")
	} else {
		of("positives", c.Positives, "any", "same")
	}
	in("decay", c.Decay, 1e-6, 1)
	in("hard", float64(c.Hard), 0, 1<<22)
	in("negatives", float64(c.Negatives), 1, 1<<20)
	in("proximal", c.Proximal, 0, 1e6)
	in("accumulate", float64(c.Accumulate), 1, 4096)
	in("margin", c.Margin, 0, 1e3)
	in("sigma", c.Sigma.Seconds(), 0.001, 1e6)
	of("mining", c.Mining, "semihard", "all")
	switch least := kinds[c.Kind].leastFrames; {
	case c.Frames < least:
		report("frames", "%d is too few for %s, which compares frames with each other: it needs %d or more", c.Frames, c.Kind, least)
	case kinds[c.Kind].clips && c.Frames <= c.Ahead && c.Ahead > 0:
		report("frames", "a clip of %d leaves nothing to predict %d frames ahead from, make it longer", c.Frames, c.Ahead)
	default:
		in("frames", float64(c.Frames), 0, 256)
	}
	in("ahead", float64(c.Ahead), 1, 64)
	of("form", c.Form, "tiles", "pair")
	if slices.Contains(kinds[c.Kind].keys, "permutations") && c.Permutations != 24 && c.Permutations != 100 && c.Permutations != 1000 {
		report("permutations", "%d must be 24, 100 or 1000", c.Permutations)
	}
	of("aberration", c.Aberration, "project", "drop", "none")
	of("mask", c.Mask, "centre", "random")
	in("adversarial", c.Adversarial, 0, 1)
	of("transforms", c.Transforms, "rotation", "colour", "both")
	of("labels", c.Labels, "label", "camera", "scene")
	in("classes", float64(c.Classes), 2, 1<<16)
}

// checkKeys reports keys that mean nothing to the kind.
func (c Config) checkKeys(report func(path, format string, args ...any)) {
	kind := c.Kind
	if kind == "" {
		kind = Default().Kind
	}
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if key == "kind" || key == "name" || key == "weight" || v.Field(i).IsZero() || slices.Contains(kinds[kind].keys, key) {
			continue
		}
		report(key, "means nothing to an objective of kind %s, drop it (its keys are %s)", kind, strings.Join(append([]string{"name", "weight"}, kinds[kind].keys...), ", "))
	}
}

// Still says whether pictures by themselves will do for a kind; the others compare several frames of a scene.
func Still(kind string) bool {
	k := kinds[kind]
	return !k.clips && !k.views && k.leastFrames == 0
}

// CheckAll reports what a list of objectives asks of the rest of the configuration and of each other.
// cameras is the most cameras of one rig, 0 where that is not known.
func CheckAll(list []Config, n Needs, cameras int, report func(path, format string, args ...any)) {
	first := map[string]int{}
	for i, c := range list {
		if _, ok := kinds[c.WithDefaults().Kind]; !ok {
			continue
		}
		c = c.WithDefaults()
		at := func(path, format string, args ...any) {
			report(fmt.Sprintf("objectives[%d].%s", i, path), format, args...)
		}
		if j, taken := first[c.Name]; taken {
			at("name", "objectives[%d] is called %s too, give each a name of its own", j, c.Name)
		}
		first[c.Name] = i
		if check := kinds[c.Kind].check; check != nil {
			check(c, n, cameras, at)
		}
	}
}

// Lone says whether none of these objectives needs a positive, so that a frame without any is of use, too.
func Lone(list []Config) bool {
	for _, c := range list {
		if c = c.WithDefaults(); kinds[c.Kind].pairs && c.Positives != "same" {
			return false
		}
	}
	return true
}
