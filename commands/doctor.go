package commands

import (
	"context"
	"fmt"

	"rekey/internal/finding"
)

// Doctor looks at everything around Rekey and changes nothing.
type Doctor interface {
	Examine(ctx context.Context) []finding.Finding
}

// mostFindings bounds what one answer lists; the command line shows all.
const mostFindings = 20

// examine answers with what is wrong, then with what could not be told. What is
// well is only counted: the answer should fit a telephone.
func (h *Handler) examine(ctx context.Context) Reply {
	count := map[finding.Verdict]int{}
	found := h.doctor.Examine(ctx)
	reply := Reply{Title: "What the doctor found", Notes: []string{"`rekey doctor` on the command line shows everything, in the same words. Nothing was changed."}}
	for _, f := range found {
		count[f.Verdict]++
	}
	for _, verdict := range []finding.Verdict{finding.Wrong, finding.Unclear} {
		for _, f := range found {
			if f.Verdict == verdict && len(reply.Rows) < mostFindings {
				reply.Rows = append(reply.Rows, Row{Label: symptom(f), Text: f.Found + " " + f.Do})
			}
		}
	}
	reply.Text = fmt.Sprintf("%d wrong, %d could not be told, %d well.", count[finding.Wrong], count[finding.Unclear], count[finding.OK])
	reply.Paragraphs = []string{reply.Text}
	if hidden := count[finding.Wrong] + count[finding.Unclear] - len(reply.Rows); hidden > 0 {
		reply.Notes = append([]string{fmt.Sprintf("%d more are not shown here.", hidden)}, reply.Notes...)
	}
	return reply
}

func symptom(f finding.Finding) string {
	if f.Verdict == finding.Wrong {
		return "✗ " + f.Looked
	}
	return "? " + f.Looked
}

// notPatient refuses somebody who may not start: what the doctor finds names
// people and addresses.
func notPatient() Reply {
	text := "Only people who may start rotations may ask the doctor: its answer names people and addresses. Nothing was done; ask somebody who may."
	return Reply{Undone: true, Title: "Not allowed", Text: text, Paragraphs: []string{text}}
}
