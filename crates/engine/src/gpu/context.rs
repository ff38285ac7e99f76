//! The adapter, the device, its pipelines, and reading back.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use futures::channel::oneshot;

use super::wgsl::{Bind, Kernel};
use crate::Error;

/// What an adapter is, in the words of the person it is shown to.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Adapter {
    /// Name, as far as the browser tells it.
    pub name: String,
    /// Driver or back end.
    pub driver: String,
    /// It computes on a CPU.
    pub is_software: bool,
    /// Most bytes that one buffer can hold and one kernel can see.
    pub binding_bytes: u64,
    /// Subgroups' least and greatest size; 0 if unknown.
    pub subgroups: (u32, u32),
    /// What of the optional it has.
    pub features: Features,
}

/// Optional features that some kernels use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Features {
    /// Arithmetic in halves (`shader-f16`).
    pub half: bool,
    /// The least size of a subgroup, if shaders may use them.
    pub subgroups: Option<u8>,
    /// Products of packed bytes (`packed_4x8_integer_dot_product`).
    pub packed: bool,
}

/// A device, its queue, and the pipelines made so far.
pub struct Context {
    /// The adapter it came from.
    pub adapter: Adapter,
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    layouts: RefCell<HashMap<Vec<Bind>, Layout>>,
    pipelines: RefCell<HashMap<String, Rc<Pipeline>>>,
    /// Told from another thread natively.
    lost: Arc<Mutex<Option<String>>>,
}

/// A read that was asked for.
pub(crate) struct Answer {
    outcome: oneshot::Receiver<Result<(), wgpu::BufferAsyncError>>,
    /// What it waits for; everything, if unknown.
    #[cfg_attr(
        target_arch = "wasm32",
        allow(dead_code, reason = "a browser waits by itself")
    )]
    submit: Option<wgpu::SubmissionIndex>,
}

/// Of a kernel's bindings.
type Layout = Rc<(wgpu::BindGroupLayout, wgpu::PipelineLayout)>;

/// A kernel, ready to run.
pub(crate) struct Pipeline {
    pub(crate) pipeline: wgpu::ComputePipeline,
    layout: Layout,
}

impl Context {
    /// Opens the adapter that the browser (or the Vulkan loader) prefers; natively, one whose name contains the value of
    /// `SEEDBED_ADAPTER`, if that is set.
    pub async fn open() -> Result<Self, Error> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let adapter = pick(&instance).await?;
        let info = adapter.get_info();
        let offered = adapter.limits();
        let limits = wgpu::Limits {
            max_buffer_size: offered.max_buffer_size,
            max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
            ..wgpu::Limits::default()
        };
        let binding_bytes = limits
            .max_storage_buffer_binding_size
            .min(limits.max_buffer_size);
        let (device, queue, has_subgroups) = request(&adapter, &limits).await?;
        let lost = Arc::new(Mutex::new(None));
        let told = Arc::clone(&lost);
        device.set_device_lost_callback(move |reason, message| {
            if let Ok(mut lost) = told.lock() {
                *lost = Some(format!("{reason:?}: {message}"));
            }
        });
        // Otherwise an error that nobody asked about, such as memory running out, would be a panic natively and lost in a
        // browser. The first one is kept: what was computed after it can't be trusted.
        let told = Arc::clone(&lost);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            if let Ok(mut lost) = told.lock() {
                lost.get_or_insert_with(|| match error {
                    wgpu::Error::OutOfMemory { .. } => {
                        "its memory is full; choose a smaller model, a shorter context or fewer answers at once".to_owned()
                    }
                    other => other.to_string(),
                });
            }
        }));
        let is_software = info.device_type == wgpu::DeviceType::Cpu;
        let features = Features {
            half: device.features().contains(wgpu::Features::SHADER_F16),
            subgroups: u8::try_from(info.subgroup_min_size)
                .ok()
                .filter(|least| has_subgroups && *least > 0),
            packed: has_packed(),
        };
        Ok(Self {
            adapter: Adapter {
                name: info.name,
                driver: format!("{:?} {} {}", info.backend, info.driver, info.driver_info),
                is_software,
                binding_bytes,
                subgroups: (info.subgroup_min_size, info.subgroup_max_size),
                features,
            },
            device,
            queue,
            layouts: RefCell::default(),
            pipelines: RefCell::default(),
            lost,
        })
    }

    /// Most bytes that one kernel can see of a buffer.
    pub(crate) fn binding_bytes(&self) -> u64 {
        self.adapter.binding_bytes
    }

    /// Why the device is gone or can't be trusted, if so.
    pub fn lost(&self) -> Option<String> {
        self.lost.lock().ok()?.clone()
    }

    fn layout(&self, bindings: &[Bind]) -> Layout {
        let mut layouts = self.layouts.borrow_mut();
        layouts
            .entry(bindings.to_vec())
            .or_insert_with(|| {
                let entries: Vec<_> = bindings
                    .iter()
                    .enumerate()
                    .map(|(binding, kind)| wgpu::BindGroupLayoutEntry {
                        binding: binding as u32,
                        visibility: wgpu::ShaderStages::COMPUTE,
                        ty: wgpu::BindingType::Buffer {
                            ty: match kind {
                                Bind::Uniform => wgpu::BufferBindingType::Uniform,
                                Bind::Read => wgpu::BufferBindingType::Storage { read_only: true },
                                Bind::Write => {
                                    wgpu::BufferBindingType::Storage { read_only: false }
                                }
                            },
                            has_dynamic_offset: false,
                            min_binding_size: None,
                        },
                        count: None,
                    })
                    .collect();
                let group =
                    self.device
                        .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                            label: None,
                            entries: &entries,
                        });
                let whole = self
                    .device
                    .create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                        label: None,
                        bind_group_layouts: &[Some(&group)],
                        immediate_size: 0,
                    });
                Rc::new((group, whole))
            })
            .clone()
    }

    /// The pipeline of a kernel; made at its first use.
    pub(crate) fn pipeline(&self, kernel: &Kernel) -> Rc<Pipeline> {
        if let Some(pipeline) = self.pipelines.borrow().get(&kernel.text) {
            return pipeline.clone();
        }
        let layout = self.layout(&kernel.bindings);
        let module = self
            .device
            .create_shader_module(wgpu::ShaderModuleDescriptor {
                label: None,
                source: wgpu::ShaderSource::Wgsl(kernel.text.as_str().into()),
            });
        let pipeline = self
            .device
            .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: None,
                layout: Some(&layout.1),
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions {
                    // Workgroup memory is always written before it is read.
                    zero_initialize_workgroup_memory: false,
                    ..Default::default()
                },
                cache: None,
            });
        let pipeline = Rc::new(Pipeline { pipeline, layout });
        self.pipelines
            .borrow_mut()
            .insert(kernel.text.clone(), pipeline.clone());
        pipeline
    }

    /// Kernels made so far. For tests.
    #[doc(hidden)]
    pub fn kernels(&self) -> usize {
        self.pipelines.borrow().len()
    }

    pub(crate) fn bind(&self, pipeline: &Pipeline, buffers: &[&wgpu::Buffer]) -> wgpu::BindGroup {
        let entries: Vec<_> = buffers
            .iter()
            .enumerate()
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding: binding as u32,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.layout.0,
            entries: &entries,
        })
    }

    /// A zeroed storage buffer of at least `bytes` bytes.
    pub(crate) fn storage(&self, bytes: u64) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes.max(16).next_multiple_of(16),
            usage: wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_DST
                | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        })
    }

    pub(crate) fn uniform(&self) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 16,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    pub(crate) fn write<T: bytemuck::NoUninit>(
        &self,
        buffer: &wgpu::Buffer,
        byte: u64,
        data: &[T],
    ) {
        if !data.is_empty() {
            self.queue
                .write_buffer(buffer, byte, bytemuck::cast_slice(data));
        }
    }

    pub(crate) fn upload<T: bytemuck::NoUninit>(&self, data: &[T]) -> wgpu::Buffer {
        let buffer = self.storage(size_of_val(data) as u64);
        self.write(&buffer, 0, data);
        buffer
    }

    pub(crate) fn landing(&self, bytes: u64) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes.max(4),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// Waits for the copies into a landing buffer and reads it.
    pub(crate) async fn land<T: bytemuck::Pod>(
        &self,
        buffer: &wgpu::Buffer,
    ) -> Result<Vec<T>, Error> {
        let mut answer = self.ask_for(buffer, None);
        self.end_read(buffer, &mut answer).await
    }

    /// Asks for what a submit copied into a landing buffer.
    pub(crate) fn begin_read(
        &self,
        buffer: &wgpu::Buffer,
        submit: wgpu::SubmissionIndex,
    ) -> Answer {
        self.ask_for(buffer, Some(submit))
    }

    #[allow(clippy::unused_self, reason = "what is asked is this device")]
    fn ask_for(&self, buffer: &wgpu::Buffer, submit: Option<wgpu::SubmissionIndex>) -> Answer {
        let (done, outcome) = oneshot::channel();
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            let _ = done.send(result);
        });
        Answer { outcome, submit }
    }

    /// Waits for what [`Self::begin_read`] asked for. May be called again if it was not waited for to the end.
    pub(crate) async fn end_read<T: bytemuck::Pod>(
        &self,
        buffer: &wgpu::Buffer,
        answer: &mut Answer,
    ) -> Result<Vec<T>, Error> {
        // Natively, somebody has to let the device work; a browser does it by itself.
        #[cfg(not(target_arch = "wasm32"))]
        self.device
            .poll(wgpu::PollType::Wait {
                submission_index: answer.submit.clone(),
                timeout: None,
            })
            .map_err(|error| Error::Device(error.to_string()))?;
        (&mut answer.outcome)
            .await
            .map_err(|_gone| Error::Device("the device dropped a read".to_owned()))?
            .map_err(|error| Error::Device(format!("a result could not be read: {error}")))?;
        let view = buffer
            .get_mapped_range(..)
            .map_err(|error| Error::Device(format!("a result could not be read: {error}")))?;
        let out = bytemuck::pod_collect_to_vec(&view);
        drop(view);
        buffer.unmap();
        Ok(out)
    }

    /// Bytes per second that a copy from buffer to buffer reads and writes: what reading weights is measured against.
    pub async fn copy_bandwidth(&self) -> Result<f64, Error> {
        let size = (64 << 20).min(self.adapter.binding_bytes);
        let (from, to) = (self.storage(size), self.storage(size));
        let landing = self.landing(4);
        let mut best = 0.0_f64;
        for _ in 0..4 {
            let rounds = 8;
            let started = crate::now();
            let mut encoder = self
                .device
                .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            for _ in 0..rounds {
                encoder.copy_buffer_to_buffer(&from, 0, &to, 0, size);
            }
            encoder.copy_buffer_to_buffer(&to, 0, &landing, 0, 4);
            self.queue.submit([encoder.finish()]);
            let _: Vec<u32> = self.land(&landing).await?;
            best = best.max((2 * rounds * size) as f64 / (crate::now() - started));
        }
        Ok(best)
    }

    /// Runs one kernel on copies of `buffers` (its uniform comes from `globals`) and reads all of them back. For tests.
    #[doc(hidden)]
    pub async fn run(
        &self,
        kernel: &Kernel,
        globals: [u32; 4],
        buffers: &[Vec<u32>],
        workgroups: [u32; 3],
    ) -> Result<Vec<Vec<u32>>, Error> {
        let pipeline = self.pipeline(kernel);
        let uniform = self.uniform();
        self.write(&uniform, 0, &globals);
        let held: Vec<_> = buffers.iter().map(|data| self.upload(data)).collect();
        let all: Vec<_> = std::iter::once(&uniform).chain(&held).collect();
        let group = self.bind(&pipeline, &all);
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&pipeline.pipeline);
        pass.set_bind_group(0, &group, &[]);
        let [x, y, z] = workgroups;
        pass.dispatch_workgroups(x, y, z);
        drop(pass);
        self.queue.submit([encoder.finish()]);
        let mut out = Vec::with_capacity(buffers.len());
        for (buffer, data) in held.iter().zip(buffers) {
            out.push(
                self.copy_of(buffer, size_of_val(data.as_slice()) as u64)
                    .await?,
            );
        }
        Ok(out)
    }

    /// Loses the device, as a driver's crash would. For tests.
    #[doc(hidden)]
    pub fn lose(&self) {
        self.device.destroy();
    }

    /// A copy of a buffer of the GPU. For tests and tools.
    pub(crate) async fn copy_of<T: bytemuck::Pod>(
        &self,
        buffer: &wgpu::Buffer,
        bytes: u64,
    ) -> Result<Vec<T>, Error> {
        let landing = self.landing(bytes);
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &landing, 0, bytes);
        self.queue.submit([encoder.finish()]);
        self.land(&landing).await
    }
}

/// A device with what of the optional features the adapter has; the last of the answer is whether shaders may use
/// subgroups.
#[cfg(not(target_arch = "wasm32"))]
async fn request(
    adapter: &wgpu::Adapter,
    limits: &wgpu::Limits,
) -> Result<(wgpu::Device, wgpu::Queue, bool), Error> {
    let wanted = wgpu::Features::SHADER_F16 | wgpu::Features::SUBGROUP;
    let (device, queue) = ask(adapter, limits, wanted & adapter.features()).await?;
    let has_subgroups = device.features().contains(wgpu::Features::SUBGROUP);
    Ok((device, queue, has_subgroups))
}

#[cfg(target_arch = "wasm32")]
async fn request(
    adapter: &wgpu::Adapter,
    limits: &wgpu::Limits,
) -> Result<(wgpu::Device, wgpu::Queue, bool), Error> {
    use super::subgroups;
    let features = wgpu::Features::SHADER_F16 & adapter.features();
    subgroups::want(true);
    let first = ask(adapter, limits, features).await;
    let (device, queue) = match first {
        // The browser may refuse what it offered; everything works without it.
        Err(_) if subgroups::asked() => {
            subgroups::want(false);
            ask(adapter, limits, features).await?
        }
        other => other?,
    };
    Ok((device, queue, subgroups::asked()))
}

async fn ask(
    adapter: &wgpu::Adapter,
    limits: &wgpu::Limits,
    features: wgpu::Features,
) -> Result<(wgpu::Device, wgpu::Queue), Error> {
    adapter
        .request_device(&wgpu::DeviceDescriptor {
            label: Some("seedbed"),
            required_features: features,
            required_limits: limits.clone(),
            ..Default::default()
        })
        .await
        .map_err(|error| Error::Device(error.to_string()))
}

/// naga writes them out where a driver has none.
#[cfg(not(target_arch = "wasm32"))]
fn has_packed() -> bool {
    true
}

#[cfg(target_arch = "wasm32")]
fn has_packed() -> bool {
    super::subgroups::speaks("packed_4x8_integer_dot_product")
}

#[cfg(target_arch = "wasm32")]
async fn pick(instance: &wgpu::Instance) -> Result<wgpu::Adapter, Error> {
    instance
        .request_adapter(&wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        })
        .await
        .map_err(|error| Error::NoAdapter(error.to_string()))
}

#[cfg(not(target_arch = "wasm32"))]
async fn pick(instance: &wgpu::Instance) -> Result<wgpu::Adapter, Error> {
    if let Ok(name) = std::env::var("SEEDBED_ADAPTER") {
        let all = instance.enumerate_adapters(wgpu::Backends::all()).await;
        let names: Vec<_> = all.iter().map(|one| one.get_info().name).collect();
        return all
            .into_iter()
            .find(|one| {
                one.get_info()
                    .name
                    .to_lowercase()
                    .contains(&name.to_lowercase())
            })
            .ok_or_else(|| {
                Error::NoAdapter(format!("none is called {name}; there are {names:?}"))
            });
    }
    instance
        .request_adapter(&wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        })
        .await
        .map_err(|error| Error::NoAdapter(error.to_string()))
}
