package objective

import "testing"

func TestSomeKindsCompareSeveralFramesOfAScene(t *testing.T) {
	several := map[string]bool{"arrow": true, "cpc": true, "npairs": true, "order": true, "predict": true, "scl": true, "triplet": true, "vince": true}
	for _, kind := range Kinds() {
		if Still(kind) == several[kind] {
			t.Errorf("%s: pictures by themselves will do: %v", kind, Still(kind))
		}
	}
}
