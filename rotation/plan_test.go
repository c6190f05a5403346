package rotation

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/providers"
)

var update = flag.Bool("update", false, "write the golden files anew")

// cells are all combinations there are.
func cells() []Cell {
	var all []Cell
	for _, mode := range []Mode{Routine, Emergency, Rollback} {
		for _, shape := range []providers.Shape{providers.Overlap, providers.Grace, providers.Cutover, providers.DeployFirst} {
			for _, shared := range []bool{true, false} {
				for _, undo := range []bool{false, true} {
					for _, first := range []bool{false, true} {
						all = append(all, Cell{Mode: mode, Shape: shape, Shared: shared, UndoOfEnd: undo, RevokeFirst: first})
					}
				}
			}
		}
	}
	for _, first := range []bool{false, true} {
		all = append(all, Cell{Mode: Emergency, Shape: providers.Overlap, RevokeFirst: first, Lingers: true})
	}
	for _, c := range slices.Clone(all) {
		if c.Mode == Emergency && !c.Shared {
			c.OnlyStaging = true
			all = append(all, c)
		}
	}
	for _, mode := range []Mode{Routine, Emergency} {
		all = append(all, Cell{Mode: mode, Shape: providers.Overlap, Shared: mode == Emergency, OnlyStaging: true})
	}
	return all
}

func TestEveryCellHasAPlanOrASentence(t *testing.T) {
	var b strings.Builder
	for _, c := range cells() {
		steps, err := PlanFor(c)
		fmt.Fprintf(&b, "%s\n", c)
		var refused *PlanError
		switch {
		case errors.As(err, &refused):
			fmt.Fprintf(&b, "    refused: %s\n", refused.Sentence)
		case err != nil:
			t.Errorf("%s: an error that is no sentence: %v", c, err)
		default:
			fmt.Fprintf(&b, "    %s\n", strings.Join(names(steps), " · "))
			if Executable(c) == nil {
				fmt.Fprint(&b, "    can be run\n")
			}
		}
	}
	golden(t, "testdata/plans.golden", b.String())
}

func names(steps []Step) []string {
	var n []string
	for _, s := range steps {
		n = append(n, s.String())
	}
	return n
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// TestNoPlanEndsBeforeAPersonAgreed holds what every plan of every cell must
// have, whoever edits plan.go.
func TestNoPlanEndsBeforeAPersonAgreed(t *testing.T) {
	for _, c := range cells() {
		steps, err := PlanFor(c)
		if err != nil {
			continue
		}
		approved, proved := false, map[string]bool{}
		for i, s := range steps {
			switch s.Act {
			case Approve:
				approved = true
			case Prove:
				proved[s.Environment] = true
			case End, Delete:
				if !approved {
					t.Errorf("%s: step %d ends a credential before anybody approved", c, i)
				}
				if !c.RevokeFirst && !proved[c.Front()] {
					t.Errorf("%s: step %d ends a credential before %s was proved", c, i, c.Front())
				}
			}
		}
		if c.Mode != Rollback && steps[0].Act != Preflight {
			t.Errorf("%s: begins with %s instead of a look", c, steps[0])
		}
		if last := steps[len(steps)-1].Act; last != Report && last != Forward {
			t.Errorf("%s: ends without a report", c)
		}
	}
}

func TestEveryDeployFollowsASyncAndIsProved(t *testing.T) {
	for _, c := range cells() {
		steps, err := PlanFor(c)
		if err != nil {
			continue
		}
		for i, s := range steps {
			if s.Act != Deploy || c.Mode == Emergency && c.Shared && s.Environment == Staging {
				continue
			}
			if i == 0 || steps[i-1] != (Step{Sync, s.Environment}) {
				t.Errorf("%s: %s is not preceded by its sync", c, s)
			}
			if next := steps[i+1].Act; next != Prove && next != ConfirmDead {
				t.Errorf("%s: %s is followed by %s instead of a proof", c, s, next)
			}
		}
	}
}

func TestExecutableToday(t *testing.T) {
	for _, c := range cells() {
		keys := c.Shape == providers.DeployFirst && !c.Shared && !c.UndoOfEnd
		want := c.Mode != Rollback && (c.Shape != providers.DeployFirst || keys)
		if c.Mode == Rollback {
			want = c.Shape == providers.Overlap || c.Shape == providers.Grace || keys
		}
		if c.RevokeFirst {
			want = c.Mode == Emergency && c.Shape == providers.Overlap && !c.Lingers
		}
		if c.OnlyStaging {
			want = want && c.Mode == Emergency && !c.Shared
		}
		if err := Executable(c); (err == nil) != want {
			t.Errorf("%s: executable: %v, want %t", c, err, want)
		} else if err != nil && !strings.HasSuffix(err.Error(), ".") {
			t.Errorf("%s: %q is no sentence", c, err)
		}
	}
}

// TestStagingAlone: no step of an emergency that is about staging's own credential
// touches production, and otherwise it is production's.
func TestStagingAlone(t *testing.T) {
	for _, c := range cells() {
		steps, err := PlanFor(c)
		if !c.OnlyStaging || err != nil {
			continue
		}
		for _, s := range steps {
			if s.Environment == Production || s.Act == PauseHook || s.Act == ResumeHook {
				t.Errorf("%s: %s", c, s)
			}
		}
		c.OnlyStaging = false
		other, err := PlanFor(c)
		other = slices.DeleteFunc(other, func(s Step) bool { return s.Act == PauseHook || s.Act == ResumeHook })
		for i := range other {
			if other[i].Environment == Production {
				other[i].Environment = Staging
			}
		}
		if err != nil || !slices.Equal(steps, other) {
			t.Errorf("%s: %v, production's %v, %v", c, names(steps), names(other), err)
		}
	}
}

func TestUnknownCellsAreRefused(t *testing.T) {
	for _, c := range []Cell{{}, {Mode: "sometimes", Shape: providers.Overlap}, {Mode: Routine, Shape: "round"}} {
		if steps, err := PlanFor(c); err == nil {
			t.Errorf("%+v has a plan: %v", c, names(steps))
		}
	}
}

// TestStepNamesAreStable: a record under way holds them.
func TestStepNamesAreStable(t *testing.T) {
	steps, _ := PlanFor(Cell{Mode: Routine, Shape: providers.Overlap, Shared: true})
	want := []string{
		"preflight", "issue(staging)", "sync(staging)", "deploy(staging)", "prove(staging)",
		"write(production)", "sync(production)", "deploy(production)", "prove(production)",
		"watch", "hold", "approve", "end", "confirm dead", "watch after", "report",
	}
	if got := names(steps); !slices.Equal(got, want) {
		t.Errorf("routine overlap shared:\n got %q\nwant %q", got, want)
	}
}
