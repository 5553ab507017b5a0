package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestRecipeKeepsReferencesAndLoadsToTheSameSecrets(t *testing.T) {
	text := `
kafka:
  brokers: [kafka:9092]
  sasl: {mechanism: PLAIN, username: ann, password: "${file:password}"}
sources:
  - {name: a, from: "${CAMERA}"}
  - {name: b, from: "rtsp://ann:${PW}@10.0.0.2/x"}
  - {name: c, from: "rtsp://${WHO}:${file:password}@10.0.0.3/x"}
  - {name: d, from: "${PLAIN}.mp4", size: 64x48}
http: {listen: "0.0.0.0:9090", token: "${TOKEN}"}
`
	o := Options{Environ: []string{"CAMERA=rtsp://ann:hunter2@10.0.0.1/x", "PW=hunter3", "WHO=bob", "TOKEN=hunter4", "PLAIN=clip"}}
	path := write(t, text)
	if err := os.WriteFile("password", []byte("hunter5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, o)
	if err != nil {
		t.Fatal(err)
	}
	out := string(Recipe(c))
	if strings.Contains(out, "hunter") || strings.Contains(out, mask) {
		t.Errorf("written down:\n%s", out)
	}
	if err := os.WriteFile("recipe.yaml", []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	back, err := Load("recipe.yaml", o)
	if err != nil {
		t.Fatal(err)
	}
	c.references, back.references = nil, nil
	if !reflect.DeepEqual(c, back) {
		t.Errorf("loaded\n%+v\nagain\n%+v", c, back)
	}
	for _, out := range []string{string(Print(c)), string(Recipe(c))} { // without knowing the references
		if strings.Contains(out, "hunter") || !strings.Contains(out, `token: "***"`) {
			t.Errorf("printed\n%s", out)
		}
	}
}

func TestRecipeMasksWhatIsNoPureReference(t *testing.T) {
	for _, from := range []string{
		"rtsp://ann:hunter2@${HOST}/x", "rtsp://ann:hunter2${PW}@10.0.0.1/x", "rtsp://ann:${PW:hunter2}@10.0.0.1/x",
		"http://10.0.0.1/${PATH_}?token=hunter2", "rtsp://hunter2@${HOST}/x", "rtsp://ann:${PW}@hunter2@10.0.0.1/x",
	} {
		c := load(t, "sources:\n  - {name: a, from: \""+from+"\"}\n", Options{Environ: []string{"HOST=10.0.0.1", "PW=hunter2", "PATH_=x"}})
		if out := string(Recipe(c)); strings.Contains(out, "hunter2") || !strings.Contains(out, mask) {
			t.Errorf("%s is written down:\n%s", from, out)
		}
	}
}

func TestFlagsReplaceReferences(t *testing.T) {
	c := load(t, "http: {listen: '0.0.0.0:1', token: '${TOKEN}'}\n", Options{Environ: []string{"TOKEN=hunter2"},
		Settings: []Setting{{From: "--set", Path: "http.token", Value: "other"}, {From: "--set", Path: "sources", Value: `[{name: a, from: "rtsp://x:${TOKEN}@h/"}]`}}})
	out := string(Recipe(c))
	if strings.Contains(out, "token: \"${TOKEN}\"") || strings.Contains(out, "other") || !strings.Contains(out, `from: "rtsp://x:${TOKEN}@h/"`) {
		t.Errorf("written down:\n%s", out)
	}
}
