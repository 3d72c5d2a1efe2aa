package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
	"github.com/rogpeppe/go-internal/testscript"

	reader "codefob/internal/qr"
)

// qrPicture makes a picture with the QR codes of these texts, side by side.
func qrPicture(texts []string) ([]byte, error) {
	const side, margin = 300, 40
	page := image.NewGray(image.Rect(0, 0, margin+len(texts)*(side+margin), side+2*margin))
	draw.Draw(page, page.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	for i, text := range texts {
		code, err := qr.Encode(text, qr.M, qr.Unicode)
		if err != nil {
			return nil, err
		}
		if code, err = barcode.Scale(code, side, side); err != nil {
			return nil, err
		}
		draw.Draw(page, image.Rect(0, 0, side, side).Add(image.Pt(margin+i*(side+margin), margin)), code, image.Point{}, draw.Src)
	}
	var out bytes.Buffer
	err := png.Encode(&out, page)
	return out.Bytes(), err
}

// scriptQR is the command "qr FILE TEXT": it makes a picture of the lines of a file.
func scriptQR(ts *testscript.TestScript, _ bool, args []string) {
	picture, err := qrPicture(strings.Split(strings.TrimSpace(ts.ReadFile(args[1])), "\n"))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), picture, 0o600))
}

// TestScreenScripts runs the transcripts that need a screen; "show FILE" puts a
// picture on it.
func TestScreenScripts(t *testing.T) {
	for _, program := range []string{"Xvfb", "display", "/usr/bin/import"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("a program for a screen is missing: ", err)
		}
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset")
	x.ExtraFiles = []*os.File{write}
	if err := x.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	defer func() { x.Process.Kill(); x.Wait() }()
	read.SetReadDeadline(time.Now().Add(60 * time.Second))
	var number int
	if _, err := fmt.Fscan(read, &number); err != nil {
		t.Fatal("Xvfb does not start: ", err)
	}
	display := fmt.Sprintf("DISPLAY=:%d", number)
	p := params(t, "testdata/screen", display, "WAYLAND_DISPLAY=")
	var shown *exec.Cmd
	p.Cmds["show"] = func(ts *testscript.TestScript, _ bool, args []string) {
		show := exec.Command("display", "-geometry", "+10+10", ts.MkAbs(args[0])) // no window manager places it
		show.Env = append(os.Environ(), display)
		ts.Check(show.Start())
		ts.Defer(func() { show.Process.Kill(); show.Wait() })
		if shown != nil {
			shown.Process.Kill()
		}
		shown = show
		want, err := reader.Read([]byte(ts.ReadFile(args[0])))
		ts.Check(err)
		for end := time.Now().Add(60 * time.Second); ; {
			grab := exec.Command("/usr/bin/import", "-silent", "-window", "root", "png:-")
			grab.Env = show.Env
			picture, _ := grab.Output()
			if got, _ := reader.Read(picture); slices.Equal(got, want) {
				return
			}
			if time.Now().After(end) {
				ts.Fatalf("%s does not come to the screen", args[0])
			}
		}
	}
	t.Run("scripts", func(t *testing.T) { testscript.RunT(recorder{t}, p) })
}
