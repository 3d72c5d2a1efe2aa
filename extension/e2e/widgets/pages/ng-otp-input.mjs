import "@angular/compiler"; // compiles in the page what the packages ship half compiled
import { Component } from "@angular/core";
import { FormControl, ReactiveFormsModule } from "@angular/forms";
import { bootstrapApplication } from "@angular/platform-browser";
import { NgOtpInputModule } from "ng-otp-input";
import { root, state } from "./page.mjs";

class Page {
  code = new FormControl("");
  config = { length: 6, allowNumbersOnly: true };

  constructor() {
    this.code.valueChanges.subscribe(state);
  }
}

const Described = Component({
  selector: "otp-page",
  imports: [NgOtpInputModule, ReactiveFormsModule],
  template: `<ng-otp-input [formControl]="code" [config]="config"></ng-otp-input>`,
})(Page);

root.innerHTML = "<otp-page></otp-page>";
bootstrapApplication(Described ?? Page);
