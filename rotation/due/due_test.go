package due_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/rotation/due"
)

const day = 24 * time.Hour

var now = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func known(days int) due.Age {
	return due.Age{Known: true, Since: now.Add(-time.Duration(days) * day)}
}

func atLeast(days int) due.Age {
	return due.Age{AtLeast: true, Since: now.Add(-time.Duration(days) * day)}
}

func TestWhen(t *testing.T) {
	cases := []struct {
		name   string
		period int
		age    due.Age
		want   due.State
		in     int // days until it is due; -999 for none
	}{
		{"as needed", 0, known(400), due.NotScheduled, -999},
		{"as needed, age unknown", 0, due.Age{}, due.NotScheduled, -999},
		{"new", 90, known(0), due.OK, 90},
		{"not yet soon", 90, known(74), due.OK, 16},
		{"soon", 90, known(75), due.Soon, 15},
		{"on its day", 90, known(90), due.Now, 0},
		{"a little late", 90, known(99), due.Now, -9},
		{"overdue", 90, known(100), due.Overdue, -10},
		{"nothing known", 90, due.Age{}, due.Unknown, -999},
		{"nothing known but that it is not", 90, due.Age{AtLeast: true}, due.Unknown, -999},
		{"at least young", 90, atLeast(10), due.Unknown, -999},
		{"at least nearly due", 90, atLeast(89), due.Unknown, -999},
		{"at least due", 90, atLeast(91), due.Now, -1},
		{"at least overdue", 90, atLeast(200), due.Overdue, -110},
		{"made tomorrow by another clock", 90, known(-1), due.OK, 91},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := due.When(time.Duration(c.period)*day, c.age, now)
			want := due.Due{State: c.want}
			if c.in != -999 {
				want.At = now.Add(time.Duration(c.in) * day)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// An age that is only a lower bound must never make a secret look better than
// the same age known exactly.
func TestLowerBoundNeverReassures(t *testing.T) {
	for days := range 300 {
		exact, bound := due.When(90*day, known(days), now), due.When(90*day, atLeast(days), now)
		if bound.State == due.OK || bound.State == due.Soon {
			t.Fatalf("at least %d days counts as %s", days, bound.State)
		}
		if (exact.State == due.Now || exact.State == due.Overdue) && bound != exact {
			t.Fatalf("%d days: exactly %v, at least %v", days, exact, bound)
		}
	}
}

func TestRanking(t *testing.T) {
	at := func(days int) time.Time { return now.Add(time.Duration(days) * day) }
	want := []due.Due{
		{State: due.Overdue, At: at(-50)}, {State: due.Overdue, At: at(-20)},
		{State: due.Now, At: at(-1)}, {State: due.Soon, At: at(3)}, {State: due.Unknown},
		{State: due.OK, At: at(30)}, {State: due.OK, At: at(60)}, {State: due.NotScheduled},
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, due.Compare)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ranking (-want +got):\n%s", diff)
	}
}

func TestDays(t *testing.T) {
	for want, age := range map[int]due.Age{
		0: {}, 12: known(12), 40: atLeast(40),
		3: {Known: true, Since: now.Add(-4*day + time.Second)},
	} {
		if got := age.Days(now); got != want {
			t.Errorf("%+v is %d days old, want %d", age, got, want)
		}
	}
	if got := known(-5).Days(now); got != 0 {
		t.Errorf("made in the future: %d days", got)
	}
}

// TestSooner: a value that its service will refuse by itself is due before
// that, whatever its period says.
func TestSooner(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	in := func(days int) due.Due { return due.Due{due.OK, now.Add(time.Duration(days) * day)} }
	for name, c := range map[string]struct {
		given   due.Due
		expires int // days from now
		want    due.Due
	}{
		"the period comes first": {in(60), 100, in(60)},
		"the expiry comes first": {in(60), 54, due.Due{due.OK, now.Add(40 * day)}},
		"within a sixth":         {in(60), 24, due.Due{due.Soon, now.Add(10 * day)}},
		"past the margin":        {in(60), 10, due.Due{due.Now, now.Add(-4 * day)}},
		"expired":                {in(60), -1, due.Due{due.Overdue, now.Add(-15 * day)}},
		"of unknown age, far":    {due.Due{State: due.Unknown}, 60, due.Due{State: due.Unknown}},
		"of unknown age, near":   {due.Due{State: due.Unknown}, 20, due.Due{due.Soon, now.Add(6 * day)}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := due.Sooner(c.given, now.Add(time.Duration(c.expires)*day), 14*day, 90*day, now); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
