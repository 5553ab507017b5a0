package sheet

import (
	"fmt"
	"strings"

	"golang.org/x/image/font"
)

// layout is where things stand on the sheet, px.
type layout struct {
	width, height     int
	margin, gap, cell int
	tops              []int // of the rows
}

// arrange measures the rows: a row is as high as its longest caption asks for.
func arrange(rows []Row, o Options, p *pen) (layout, error) {
	l := layout{margin: 14, gap: 8, cell: o.Cell}
	columns, lead := 1, 0
	for _, row := range rows {
		columns = max(columns, len(row.Cells))
		if row.Lead {
			lead = l.gap
		}
	}
	l.width = 2*l.margin + columns*(l.cell+l.gap) - l.gap + lead
	for _, row := range rows { // a title may be wider than its pictures, up to four of them
		l.width = max(l.width, 2*l.margin+min(font.MeasureString(p.bold, row.Title).Ceil(), 4*l.cell))
	}
	y := l.margin
	if o.Title != "" {
		y += p.line + l.gap
	}
	for _, row := range rows {
		l.tops = append(l.tops, y)
		if row.Title != "" {
			y += p.line + 3
		}
		lines := 0
		for _, c := range row.Cells {
			if c.Caption != "" {
				lines = max(lines, 1+strings.Count(c.Caption, "\n"))
			}
		}
		y += l.cell + 2 + lines*p.line + l.gap
	}
	l.height = y + l.margin - l.gap
	if o.Cell < 8 || l.width > maxSide || l.height > maxSide {
		return l, fmt.Errorf("contact sheet of %d rows and %d columns of %d px would be %d×%d px: no side may be over %d, no picture under 8",
			len(rows), columns, o.Cell, l.width, l.height, maxSide)
	}
	return l, nil
}
