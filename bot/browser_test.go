//go:build !release

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browserPatience bounds everything one browser does in a test.
const browserPatience = 3 * time.Minute

// visitor is a person with a browser at the sandbox's page.
//
// Elements are looked up and waited for by scripts inside the page, and clicked
// at the place where they are seen: the driver's own idea of the document lags
// behind lists that are made anew under it, and may then wait for ever.
type visitor struct {
	*scene
	ctx    context.Context
	photos string // folder
}

// visit opens the page in a browser of its own. Without one the test is
// skipped, unless tools are required.
func (s *scene) visit() *visitor {
	s.Helper()
	program, err := exec.LookPath("chromium")
	switch {
	case err != nil && os.Getenv("REKEY_REQUIRE_TOOLS") == "1":
		s.Fatal("the browser test needs chromium, which is not installed")
	case err != nil:
		s.Skip("the browser test needs chromium, which is not installed")
	}
	folder, err := os.MkdirTemp("", "rekey-browser-")
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = os.RemoveAll(folder) }) // the browser's last children may still write
	ctx, cancel := context.WithTimeout(s.ctx, browserPatience)
	s.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, browserOptions(program, folder)...)
	s.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	s.Cleanup(cancel)
	v := &visitor{scene: s, ctx: ctx, photos: os.Getenv("REKEY_SCREENSHOTS")}
	if v.photos == "" {
		v.photos = s.TempDir()
	}
	v.do(chromedp.EmulateViewport(1440, 900))
	v.listen(cancel)
	v.do(chromedp.Navigate(s.world.Endpoints().Control))
	v.appears(".person")
	return v
}

func browserOptions(program, folder string) []chromedp.ExecAllocatorOption {
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.UserDataDir(folder),
	}
	for _, flag := range []string{
		"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage",
		"disable-background-timer-throttling", "disable-renderer-backgrounding",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	return options
}

// listen fails the test for whatever the browser complains about: an exception,
// a breach of the page's own security policy, a file that is not there.
func (v *visitor) listen(leave func()) {
	said := chromedp.Console(v.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range said {
			if err != nil {
				return // the browser has ended
			}
			refused := strings.Contains(m.Text, "status of 400") // a person was, and is told so
			if (m.Type == "error" || m.IsException()) && !refused {
				v.Errorf("the browser says: %s", m)
			}
		}
	}()
	v.Cleanup(func() { leave(); <-done })
}

func (v *visitor) do(actions ...chromedp.Action[chromedp.Void]) {
	v.Helper()
	if err := chromedp.Do(v.ctx, actions...); err != nil {
		v.Fatalf("in the browser: %v", err)
	}
}

// sees waits until an expression holds in the page, which it asks again at
// every change of the document.
func (v *visitor) sees(what, expression string) {
	v.Helper()
	script := fmt.Sprintf(`new Promise((done) => {
		const look = () => { if (%s) { watch.disconnect(); done(true); } };
		const watch = new MutationObserver(look);
		watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
		look();
	})`, expression)
	if _, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise)); err != nil {
		v.Fatalf("waiting to see %s: %v", what, err)
	}
}

// reads waits for a text within an element.
func (v *visitor) reads(selector, text string) {
	v.Helper()
	v.sees(fmt.Sprintf("%q in %s", text, selector), fmt.Sprintf("[...document.querySelectorAll(%q)].some((e) => e.textContent.includes(%q))", selector, text))
}

// appears waits for an element that can be seen.
func (v *visitor) appears(selector string) {
	v.Helper()
	v.sees(selector, fmt.Sprintf("document.querySelector(%q)?.checkVisibility()", selector))
}

// vanishes waits until no such element can be seen.
func (v *visitor) vanishes(selector string) {
	v.Helper()
	v.sees("no "+selector, fmt.Sprintf("!document.querySelector(%q)?.checkVisibility()", selector))
}

// spot is where an element is, brought into view, and notes the next click of
// the page, so that one that went beside it is known. A field that is drawn by
// its label is clicked there.
const spot = `new Promise((done) => {
	const look = () => {
		const found = document.querySelector(%q);
		const e = found?.closest("label") || found;
		if (!e || found.disabled || !e.checkVisibility()) return setTimeout(look, 20);
		e.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
		const at = e.getBoundingClientRect();
		const [x, y] = [at.x + at.width / 2, at.y + at.height / 2];
		if (!e.contains(document.elementFromPoint(x, y))) return setTimeout(look, 20);
		window.clickedRight = undefined;
		addEventListener("click", (c) => (window.clickedRight ??= e.contains(c.target)), { capture: true, once: true });
		done([x, y]);
	};
	look();
})`

// click clicks an element as soon as it can be. One that moved away under the
// mouse is clicked again.
func (v *visitor) click(selector string) {
	v.Helper()
	for range 20 {
		at, err := chromedp.Run(v.ctx, chromedp.Evaluate[[]float64](fmt.Sprintf(spot, selector), chromedp.EvalAwaitPromise))
		if err != nil {
			v.Fatalf("looking for %s to click: %v", selector, err)
		}
		v.do(chromedp.MouseClickXY(at[0], at[1]))
		if hit, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool]("window.clickedRight === true")); err != nil {
			v.Fatalf("clicking %s: %v", selector, err)
		} else if hit {
			return
		}
	}
	v.Fatalf("%s does not hold still to be clicked", selector)
}

func (v *visitor) becomes(person string) {
	v.Helper()
	input := `.person input[value="` + person + `"]`
	v.click(input)
	v.sees(person+" chosen", fmt.Sprintf("document.querySelector(%q)?.checked", input))
}

// types types into the message box, or whatever has the focus there.
func (v *visitor) types(text string) {
	v.Helper()
	v.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#say").focus()`), chromedp.KeyEvent(text))
}

// card is the request for approval in the open thread.
const card = `#thread-list .message:has([data-emoji="white_check_mark"]):has([data-emoji="x"])`

func (v *visitor) clicks(emoji string) {
	v.Helper()
	v.click(card + ` [data-emoji="` + emoji + `"]`)
}

// toCard scrolls the thread to the request.
func (v *visitor) toCard() chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void]("document.querySelector(" + strconv.Quote(card) + ").scrollIntoView()")
}

// photograph keeps a picture of the window.
func (v *visitor) photograph(name string, before ...chromedp.Action[chromedp.Void]) {
	v.Helper()
	v.do(before...)
	picture, err := chromedp.Run(v.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		v.Fatalf("in the browser: %v", err)
	}
	v.keep(name, picture)
}

// keep writes a picture to where the screenshots go.
func (v *visitor) keep(name string, picture []byte) {
	v.Helper()
	if err := os.WriteFile(filepath.Join(v.photos, name+".png"), picture, 0o600); err != nil {
		v.Fatal(err)
	}
}

func scheme(name string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return chromedp.Void{}, err
	}
}

// paints notes how long the page took to show something.
func (v *visitor) paints(when string) {
	v.Helper()
	const first = `performance.getEntriesByName("first-contentful-paint").map((p) => Math.round(p.startTime)).join()`
	ms, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](first))
	if err != nil || ms == "" {
		v.Errorf("the browser has painted nothing: %q %v", ms, err)
	}
	v.Logf("first paint %s: after %s ms", when, ms)
}
