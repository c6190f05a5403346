package commands

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"rekey/internal/finding"
	"rekey/rotation"
)

// diagnosis is a doctor that has looked already.
type diagnosis []finding.Finding

func (d diagnosis) Examine(context.Context) []finding.Finding { return d }

func withDoctor(d Doctor) *Handler { return New(&desk{}, []string{"FAL_KEY"}, d) }

func TestDoctor(t *testing.T) {
	ill := diagnosis{
		finding.Good("Redis, role", "As it must be."),
		finding.Open("Deploy target of staging", "It takes connections.", "Watch the first deployment."),
		finding.Bad("Channel C0123ABCD", "The bot is not in it.", "Invite it."),
	}
	golden(t, "doctor", printed(ask1(withDoctor(ill), "doctor")))
	golden(t, "doctor-well", printed(ask1(withDoctor(diagnosis{finding.Good("Redis, role", "As it must be.")}), "doctor")))
}

// TestDoctorIsForStarters: others are not told who approves and what is where.
func TestDoctorIsForStarters(t *testing.T) {
	d := withDoctor(diagnosis{finding.Bad("Approvers", "U0SECRETARY is a guest.", "Mend it.")})
	r := d.Handle(t.Context(), Request{Command: "/rotate", Text: "doctor", Person: anna, Standing: rotation.Standing{Member: true}})
	golden(t, "doctor-refused", printed(r))
	if strings.Contains(printed(r), "U0SECRETARY") {
		t.Error("somebody else was told what was found")
	}
}

// TestDoctorIsBrief: an answer is bounded, and says that there is more.
func TestDoctorIsBrief(t *testing.T) {
	var many diagnosis
	for i := range 3 * mostFindings {
		many = append(many, finding.Bad(fmt.Sprint("Thing ", i), "It is broken.", "Mend it."))
	}
	r := ask1(withDoctor(many), "doctor")
	if len(r.Rows) != mostFindings || !strings.Contains(strings.Join(r.Notes, " "), "40 more are not shown here.") {
		t.Errorf("%d rows: %v", len(r.Rows), r.Notes)
	}
}
