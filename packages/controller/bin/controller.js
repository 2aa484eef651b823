#!/usr/bin/env node
import '../dist/bundle/controller.js';
