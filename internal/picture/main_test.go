package picture

import (
	"testing"

	"github.com/nearfar/nearfar/internal/mattest"
)

func TestMain(m *testing.M) { mattest.Main(m) }
